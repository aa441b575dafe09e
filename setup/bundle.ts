/**
 * Makes of the sources the agent's status page, dist/agent/page.html, its one file with the page in it, dist/agent/heye-agent.js, and
 * beside it the controller for Kubernetes, which directors are not sent. Runs after the compiler.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { embedMessages } from "./embed-messages";
import { describe } from "./errors";
import { nativesLicense, type Packed, packedNatives } from "./natives";
import { PROJECT_ROOT } from "./project";
import { statusPage } from "./status-page";

/** Stands for the version until the bundle's digest is known; as long as a digest. */
const UNKNOWN = "00000000";

/** koffi's native parts by the machine they are for, and the terms that go with them. */
interface Natives {
  readonly parts: Readonly<Record<string, Packed>>;
  readonly license: string;
}

/**
 * @param natives absent where the program makes no calls of the system
 * @param page absent where it serves none
 */
async function bundle(
  entry: readonly [room: string, file: string],
  name: string,
  natives?: Natives,
  page = "",
): Promise<void> {
  const parts = natives?.parts ?? {};
  const manifest = JSON.parse(readFileSync(join(PROJECT_ROOT, "package.json"), "utf8")) as {
    version: string;
  };
  const version = `${manifest.version}+${UNKNOWN}`;
  const { outputFiles } = await build({
    entryPoints: [join(PROJECT_ROOT, ...entry)],
    bundle: true,
    write: false,
    platform: "node",
    target: "node22",
    format: "cjs",
    minifySyntax: true,
    legalComments: "eof",
    // Known to the sources by these names; see agent/main.ts, agent/page/page.ts, health/regex-search.ts and agent/netlink/libc.ts.
    define: {
      HEYE_AGENT_VERSION: JSON.stringify(version),
      HEYE_BUNDLE: "true",
      HEYE_PAGE: JSON.stringify(page),
      // A text in a text: esbuild would make of an object a module that all others wait for.
      HEYE_NATIVES: JSON.stringify(JSON.stringify(parts)),
    },
    banner: { js: `// ${name} ${version}` },
    footer: { js: natives ? `/*! koffi, native:\n${natives.license}*/` : "" },
    plugins: [embedMessages],
    logLevel: "warning",
  });
  const text = outputFiles[0]?.text ?? "";
  // What is packed is in it by its own digests: how well it is compressed is Node's affair.
  const content = Object.values(parts).reduce((rest, { brotli }) => rest.replace(brotli, ""), text);
  const digest = createHash("sha256").update(content).digest("hex").slice(0, UNKNOWN.length);
  const named = text.replaceAll(version, `${manifest.version}+${digest}`);
  writeFileSync(join(PROJECT_ROOT, "dist", "agent", `${name}.js`), named);
}

async function bundleAll(): Promise<void> {
  const natives = { parts: await packedNatives(), license: await nativesLicense() };
  const page = statusPage();
  writeFileSync(join(PROJECT_ROOT, "dist", "agent", "page.html"), page);
  await bundle(["agent", "main.ts"], "heye-agent", natives, page);
  await bundle(["kubernetes", "main.ts"], "heye-kubernetes");
}

bundleAll().catch((error: unknown) => {
  process.stderr.write(`${describe(error)}\n`);
  process.exitCode = 1;
});
