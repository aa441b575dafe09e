/**
 * Makes the agent's one file of the sources, dist/agent/heye-agent.js, and beside it the controller for Kubernetes, which
 * directors are not sent. Runs after the compiler.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { describe } from "./errors";
import { packedNatives } from "./natives";
import { PROJECT_ROOT } from "./project";

/** Stands for the version until the bundle's digest is known; as long as a digest. */
const UNKNOWN = "00000000";

/** @param natives of koffi, by the machine they are for; none where the program makes no calls of the system */
function bundle(entry: readonly [room: string, file: string], name: string, natives: object = {}): void {
  const manifest = JSON.parse(readFileSync(join(PROJECT_ROOT, "package.json"), "utf8")) as {
    version: string;
  };
  const version = `${manifest.version}+${UNKNOWN}`;
  const { outputFiles } = buildSync({
    entryPoints: [join(PROJECT_ROOT, ...entry)],
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
      HEYE_NATIVES: JSON.stringify(JSON.stringify(natives)),
    },
    banner: { js: `// ${name} ${version}` },
    logLevel: "warning",
  });
  const text = outputFiles[0]?.text ?? "";
  const digest = createHash("sha256").update(text).digest("hex").slice(0, UNKNOWN.length);
  const named = text.replaceAll(version, `${manifest.version}+${digest}`);
  writeFileSync(join(PROJECT_ROOT, "dist", "agent", `${name}.js`), named);
}

async function bundleAll(): Promise<void> {
  bundle(["agent", "main.ts"], "heye-agent", await packedNatives());
  bundle(["kubernetes", "main.ts"], "heye-kubernetes");
}

bundleAll().catch((error: unknown) => {
  process.stderr.write(`${describe(error)}\n`);
  process.exitCode = 1;
});
