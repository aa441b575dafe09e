import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { distribution, download, installedPackages, needs, privateApt } from "./apt";
import { cached } from "./cache";
import { leashed } from "./command";
import { CommandFailed } from "./errors";

/** Where the distribution's programs lie after {@link packageLayer}. */
export interface PackageLayer {
  /**
   * A folder with `usr/`, `etc/` and so on, to be laid over the system's in a private mount namespace or a
   * guest. It lies inside `/`, and overlayfs refuses two lower folders of which one contains the other
   * (ELOOP): lay `usr` over `/usr` and `etc` over `/etc`, or mount the folder as a file system of its own.
   */
  readonly layer: string;
}

/**
 * Brings programs of the distribution onto the machine without installing them: resolves `names` with apt
 * against what is installed here, downloads exactly what is missing and unpacks it into one cache folder.
 * Needs no root and changes nothing outside the cache: apt works on package lists of its own there, with the
 * sources, keys and proxy settings of the system.
 *
 * No maintainer script is run. So the layer has the files of the packages and nothing that their scripts
 * would have made: no users (sshd, mysql), no host keys, no alternatives (there is `iptables-legacy`, but no
 * `iptables`), no ld.so.cache. Who uses the layer makes what it needs of these, in its private /etc.
 *
 * @param title the list in words, for the lines that people read
 * @param names Debian or Ubuntu package names
 * @throws DistributionUnsupported where there is no apt
 * @throws PackagesUnavailable where apt can't resolve or fetch them
 */
export async function packageLayer(title: string, names: readonly string[]): Promise<PackageLayer> {
  const codename = await distribution();
  const installed = await installedPackages();
  const missing = names.filter((name) => !installed.has(name)).sort();
  const digest = createHash("sha256").update(missing.join(" ")).digest("hex").slice(0, 12);
  const layer = await cached({
    name: "packages",
    version: `${codename}-${process.arch}-${digest}`,
    what: `${title} from the distribution's packages (unpacked in the cache, not installed)`,
    build: (dir) => build(dir, title, missing),
  });
  // A package of the system that the layer counts on may have been removed since: then it belongs in the layer.
  const gone = (await lines(join(layer, RELIES))).filter((name) => !installed.has(name));
  return gone.length === 0 ? { layer } : packageLayer(title, [...names, ...gone]);
}

/** The file in a layer that names the installed packages whose files it does without. */
const RELIES = ".relies-on";
/** The file in a layer that names the archives it was unpacked from, with their versions. */
const CONTENT = ".packages";

async function build(dir: string, title: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const state = join(dir, ".apt");
  const apt = await privateApt(state);
  await download(apt, title, names);
  const files = (await readdir(apt.archives)).filter((name) => name.endsWith(".deb")).sort();
  await mergeUsr(dir);
  for (const file of files) await unpack(join(apt.archives, file), dir);
  await writeFile(join(dir, CONTENT), `${files.join("\n")}\n`);
  const unpacked = new Set(files.map((file) => file.split("_")[0]));
  const relies = (await needs(apt, names)).filter((name) => !unpacked.has(name));
  await writeFile(join(dir, RELIES), `${relies.join("\n")}\n`);
  await rm(state, { recursive: true });
}

async function lines(file: string): Promise<string[]> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  return text.split("\n").filter((line) => line !== "");
}

/**
 * Gives the layer the links `bin -> usr/bin` and so on which the system has. Packages may still ship files
 * under /bin; as folders of the layer these would hide the system's links, and with them everything.
 */
async function mergeUsr(dir: string): Promise<void> {
  for (const name of ["bin", "sbin", "lib", "lib32", "lib64", "libx32"]) {
    const root = await lstat(`/${name}`).catch(() => undefined);
    if (root?.isSymbolicLink() !== true) continue;
    await mkdir(join(dir, "usr", name), { recursive: true });
    await symlink(join("usr", name), join(dir, name));
  }
}

/** `dpkg-deb --extract`, but keeping the links of {@link mergeUsr}, which it would replace by folders. */
async function unpack(archive: string, dir: string): Promise<void> {
  const [reader, readerArgs] = leashed("dpkg-deb", ["--fsys-tarfile", archive]);
  // Without --ignore-zeros tar stops before the padding at the end, and dpkg-deb dies of a broken pipe.
  const tar = ["--extract", "--ignore-zeros", "--preserve-permissions", "--keep-directory-symlink"];
  const [writer, writerArgs] = leashed("tar", [...tar, "--directory", dir]);
  const source = spawn(reader, readerArgs, { stdio: ["ignore", "pipe", "inherit"] });
  const target = spawn(writer, writerArgs, { stdio: ["pipe", "ignore", "inherit"] });
  const ends = Promise.all([once(source, "close"), once(target, "close")]);
  await pipeline(source.stdout, target.stdin);
  for (const [code] of await ends) {
    if (code === 0) continue;
    throw new CommandFailed({
      expected: `to unpack ${archive}`,
      found: `dpkg-deb or tar ended with status ${String(code)}`,
      next: "see that the disk is not full (`df`), and run the same command again",
    });
  }
}
