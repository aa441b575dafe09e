import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";
import { cached } from "./cache";
import { run } from "./command";
import { ChecksumMismatch } from "./errors";
import { PROJECT_ROOT } from "./project";

/**
 * Machines whose agents speak netlink themselves: Linux with glibc, as directors are. Any other agent goes by way of
 * ipvsadm.
 */
const MACHINES = ["linux-x64", "linux-arm64"] as const;

/** koffi's native part for one kind of machine, as agent/netlink/libc.ts has it. */
export interface Packed {
  /** Of the file, in hexadecimal. */
  readonly sha256: string;
  /** The file, compressed by brotli, in base64. */
  readonly brotli: string;
}

/**
 * koffi's native parts for all machines that directors may be, whatever this one is: the bundle, and so its version,
 * is the same wherever it is made.
 *
 * @throws CommandFailed when npm's registry cannot be reached; ChecksumMismatch
 */
export async function packedNatives(): Promise<Readonly<Record<string, Packed>>> {
  const packed = MACHINES.map(async (machine) => [machine, await packedNative(machine)] as const);
  return Object.fromEntries(await Promise.all(packed));
}

/** The terms under which koffi may be passed on: they have to go with it. */
export async function nativesLicense(): Promise<string> {
  return readFile(join(PROJECT_ROOT, "node_modules", "koffi", "LICENSE.txt"), "utf8");
}

/** To compress it takes seconds, so it is done once. */
async function packedNative(machine: string): Promise<Packed> {
  const { version, integrity } = await locked(packageOf(machine));
  const folder = await cached({
    name: "koffi-packed",
    version: `${version}-${machine}`,
    what: `koffi ${version} for agents on ${machine}`,
    build: async (dir) => {
      const packed = await pack(await nativeOf(machine, dir, version, integrity));
      await writeFile(join(dir, "packed.json"), JSON.stringify(packed));
    },
  });
  return JSON.parse(await readFile(join(folder, "packed.json"), "utf8")) as Packed;
}

async function pack(bytes: Buffer): Promise<Packed> {
  const params = { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const small = await promisify(brotliCompress)(bytes, { params });
  return { sha256: createHash("sha256").update(bytes).digest("hex"), brotli: small.toString("base64") };
}

function packageOf(machine: string): string {
  return `@koromix/koffi-${machine}`;
}

/** npm installs the part for this machine alone; the others are fetched. */
async function nativeOf(machine: string, dir: string, version: string, integrity: string): Promise<Buffer> {
  const inside = join(machine.replace("-", "_"), "koffi.node");
  const installed = join(PROJECT_ROOT, "node_modules", packageOf(machine), inside);
  if (existsSync(installed)) return readFile(installed);
  const archive = await fetched(dir, `${packageOf(machine)}@${version}`, integrity);
  await run("tar", ["-xzf", archive, "-C", dir]);
  const bytes = await readFile(join(dir, "package", inside));
  await rm(join(dir, "package"), { recursive: true });
  await rm(archive);
  return bytes;
}

/** A package's archive, as package-lock.json has it. */
async function fetched(dir: string, spec: string, integrity: string): Promise<string> {
  await run("npm", ["pack", spec, "--pack-destination", dir, "--silent"], {
    next: "see that npm can reach its registry (npm ping), then run the same command again",
  });
  const [name = ""] = (await readdir(dir)).filter((file) => file.endsWith(".tgz"));
  const archive = join(dir, name);
  const found = `sha512-${createHash("sha512")
    .update(await readFile(archive))
    .digest("base64")}`;
  if (found === integrity) return archive;
  throw new ChecksumMismatch({
    expected: `${spec} to be ${integrity}, as package-lock.json has it`,
    found,
    next: "run the same command again; if it stays so, something between here and the registry changes downloads",
  });
}

/** What package-lock.json says of a package. */
async function locked(name: string): Promise<{ readonly version: string; readonly integrity: string }> {
  const text = await readFile(join(PROJECT_ROOT, "package-lock.json"), "utf8");
  const lock = JSON.parse(text) as { packages: Record<string, { version: string; integrity: string }> };
  const found = lock.packages[`node_modules/${name}`];
  if (!found) throw new Error(`package-lock.json has no ${name}: run npm install`);
  return found;
}
