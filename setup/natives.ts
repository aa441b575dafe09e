import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, readdir, readFile, rm } from "node:fs/promises";
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
  const packed = MACHINES.map(async (machine) => [machine, await pack(await nativeOf(machine))] as const);
  return Object.fromEntries(await Promise.all(packed));
}

async function pack(file: string): Promise<Packed> {
  const bytes = await readFile(file);
  const params = { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const small = await promisify(brotliCompress)(bytes, { params });
  return { sha256: createHash("sha256").update(bytes).digest("hex"), brotli: small.toString("base64") };
}

/** npm installs the part for this machine alone; the others are fetched once. */
async function nativeOf(machine: string): Promise<string> {
  const name = `@koromix/koffi-${machine}`;
  const inside = join(machine.replace("-", "_"), "koffi.node");
  const installed = join(PROJECT_ROOT, "node_modules", name, inside);
  if (existsSync(installed)) return installed;
  const { version, integrity } = await locked(name);
  const folder = await cached({
    name: "koffi",
    version: `${version}-${machine}`,
    what: `koffi ${version} for ${machine}`,
    build: (dir) => fetch(dir, `${name}@${version}`, integrity, inside),
  });
  return join(folder, "koffi.node");
}

async function fetch(dir: string, spec: string, integrity: string, inside: string): Promise<void> {
  await run("npm", ["pack", spec, "--pack-destination", dir, "--silent"], {
    next: "see that npm can reach its registry (npm ping), then run the same command again",
  });
  const [archive = ""] = (await readdir(dir)).filter((file) => file.endsWith(".tgz"));
  const found = `sha512-${createHash("sha512")
    .update(await readFile(join(dir, archive)))
    .digest("base64")}`;
  if (found !== integrity)
    throw new ChecksumMismatch({
      expected: `${spec} to be ${integrity}, as package-lock.json has it`,
      found,
      next: "run the same command again; if it stays so, something between here and the registry changes downloads",
    });
  await run("tar", ["-xzf", join(dir, archive), "-C", dir]);
  await copyFile(join(dir, "package", inside), join(dir, "koffi.node"));
  await rm(join(dir, "package"), { recursive: true });
  await rm(join(dir, archive));
}

/** What package-lock.json says of a package. */
async function locked(name: string): Promise<{ readonly version: string; readonly integrity: string }> {
  const text = await readFile(join(PROJECT_ROOT, "package-lock.json"), "utf8");
  const lock = JSON.parse(text) as { packages: Record<string, { version: string; integrity: string }> };
  const found = lock.packages[`node_modules/${name}`];
  if (!found) throw new Error(`package-lock.json has no ${name}: run npm install`);
  return found;
}
