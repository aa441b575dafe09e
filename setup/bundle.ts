/**
 * Makes of the sources the agent's status page, dist/agent/page.html, its one file with the page in it, dist/agent/heye-agent.js, and
 * beside it the controller for Kubernetes, which directors are not sent. Runs after the compiler.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe } from "./errors";
import { nativesLicense, type Packed, packedNatives } from "./natives";
import { programText } from "./program-text";
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
  const text = await programText({
    ...{ entry, version, page, natives: parts },
    banner: `// ${name} ${version}`,
    footer: natives ? `/*! koffi, native:\n${natives.license}*/` : "",
  });
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
