import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { cached } from "./cache";
import { leashed, run } from "./command";
import { CommandFailed, DistributionUnsupported, PackagesUnavailable } from "./errors";
import { withProgress } from "./report";

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
  const installed = await installedAmong(names);
  const missing = names.filter((name) => !installed.includes(name)).sort();
  const digest = createHash("sha256").update(missing.join(" ")).digest("hex").slice(0, 12);
  const layer = await cached({
    name: "packages",
    version: `${codename}-${process.arch}-${digest}`,
    what: `${title} from the distribution's packages (unpacked in the cache, not installed)`,
    build: (dir) => build(dir, title, missing),
  });
  return { layer };
}

/** The codename of a distribution of the Debian family, such as `bookworm`. */
async function distribution(): Promise<string> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  const field = (key: string): string => new RegExp(`^${key}="?([^"\n]*)`, "m").exec(release)?.[1] ?? "";
  const family = [field("ID"), ...field("ID_LIKE").split(" ")];
  if (family.includes("debian") || family.includes("ubuntu"))
    return field("VERSION_CODENAME") || field("VERSION_ID") || field("ID");
  throw new DistributionUnsupported({
    expected: "Debian, Ubuntu or a distribution made from them",
    found: field("PRETTY_NAME") || "a system without /etc/os-release",
    next: "run this in a container or virtual machine with Debian 12 or Ubuntu 24.04",
  });
}

async function installedAmong(names: readonly string[]): Promise<string[]> {
  // dpkg's own placeholders, which must not be taken for ours: $ and { are joined here.
  const format = ["db:Status-Abbrev", "Package"].map((field) => `\${${field}}`).join(" ");
  const listing = await run("dpkg-query", ["--show", "--showformat", `${format}\n`], {
    next: "this system has no working dpkg; run this in a container or virtual machine with Debian 12",
  });
  const present = new Set<string>();
  for (const line of listing.split("\n")) {
    const [status, name] = line.split(/\s+/);
    if (status === "ii" && name !== undefined) present.add(name);
  }
  return names.filter((name) => present.has(name));
}

async function build(dir: string, title: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const state = join(dir, ".apt");
  await download(state, title, names);
  const archives = join(state, "archives");
  const files = (await readdir(archives)).filter((name) => name.endsWith(".deb")).sort();
  await mergeUsr(dir);
  for (const file of files) await unpack(join(archives, file), dir);
  await rm(state, { recursive: true });
  await writeFile(join(dir, ".packages"), `${files.join("\n")}\n`);
}

async function download(state: string, title: string, names: readonly string[]): Promise<void> {
  const config = await privateState(state);
  const install = ["install", "--download-only", "--yes", "--no-install-recommends", "--", ...names];
  try {
    await withProgress(title, async (note) => {
      const options = { env: { ...process.env, LC_ALL: "C" }, onLine: note };
      await run("apt-get", ["-c", config, "--quiet", "update"], options);
      note("downloading");
      await run("apt-get", ["-c", config, "--quiet", ...install], options);
    });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new PackagesUnavailable(
      {
        expected: `the packages ${names.join(", ")} from this system's sources`,
        found: error.explanation.found,
        next:
          "look at the sources in /etc/apt (Debian: component main, Ubuntu: main and universe) and at the network; " +
          "if apt names unmet dependencies of installed packages, mend those first; then run the same command again",
      },
      { cause: error },
    );
  }
}

/**
 * Folders and a configuration that make apt-get work beside the system's own state. The configuration is read
 * after the system's, so sources and proxies stay; the hooks are cleared because they act on the system
 * (delete its archives, tell its desktop). With the lists being ours alone, apt's locks, which need root, are
 * not needed: the cache's lock keeps others out.
 */
async function privateState(state: string): Promise<string> {
  const folders = { lists: join(state, "lists"), archives: join(state, "archives"), log: join(state, "log") };
  await mkdir(join(folders.lists, "partial"), { recursive: true });
  await mkdir(join(folders.archives, "partial"), { recursive: true });
  await mkdir(folders.log);
  const config = join(state, "apt.conf");
  const lines = [
    `Dir::State::lists ${quoted(folders.lists)};`,
    `Dir::Cache ${quoted(state)};`,
    `Dir::Cache::archives ${quoted(folders.archives)};`,
    `Dir::Log ${quoted(folders.log)};`,
    // apt drops root for a user that can't enter root's home, where the cache is by default.
    'APT::Sandbox::User "root";',
    'Debug::NoLocking "true";',
    'Acquire::Languages "none";',
    'Acquire::Retries "2";',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";',
    'Acquire::IndexTargets::deb::CNF::DefaultEnabled "false";',
    ...["Pre-Invoke", "Post-Invoke", "Post-Invoke-Success"].map((hook) => `#clear APT::Update::${hook};`),
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  return config;
}

function quoted(path: string): string {
  if (!/["\n]/.test(path)) return `"${path}"`;
  throw new DistributionUnsupported({
    expected: "a cache folder that apt's configuration can name",
    found: JSON.stringify(path),
    next: "name a folder without quotes and line breaks in XDG_CACHE_HOME",
  });
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
