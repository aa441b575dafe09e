/** Makes the agent's one file of its compiled sources: dist/agent/heye-agent.js. Runs after the compiler. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { describe } from "./errors";
import { packedNatives } from "./natives";
import { PROJECT_ROOT } from "./project";

/** Stands for the version until the bundle's digest is known; as long as a digest. */
const UNKNOWN = "00000000";

async function bundle(): Promise<void> {
  const manifest = JSON.parse(readFileSync(join(PROJECT_ROOT, "package.json"), "utf8")) as {
    version: string;
  };
  const version = `${manifest.version}+${UNKNOWN}`;
  const { outputFiles } = buildSync({
    entryPoints: [join(PROJECT_ROOT, "agent", "main.ts")],
    bundle: true,
    write: false,
    platform: "node",
    target: "node22",
    format: "cjs",
    minifySyntax: true,
    legalComments: "eof",
    // Known to the sources by these names; see agent/main.ts, health/regex-search.ts and agent/netlink/libc.ts.
    define: {
      HEYE_AGENT_VERSION: JSON.stringify(version),
      HEYE_BUNDLE: "true",
      // A text in a text: esbuild would make of an object a module that all others wait for.
      HEYE_NATIVES: JSON.stringify(JSON.stringify(await packedNatives())),
    },
    banner: { js: `// heye-agent ${version}` },
    logLevel: "warning",
  });
  const text = outputFiles[0]?.text ?? "";
  const digest = createHash("sha256").update(text).digest("hex").slice(0, UNKNOWN.length);
  const named = text.replaceAll(version, `${manifest.version}+${digest}`);
  writeFileSync(join(PROJECT_ROOT, "dist", "agent", "heye-agent.js"), named);
}

bundle().catch((error: unknown) => {
  process.stderr.write(`${describe(error)}\n`);
  process.exitCode = 1;
});
