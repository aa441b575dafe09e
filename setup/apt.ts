import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command";
import { CommandFailed, DistributionUnsupported, PackagesUnavailable } from "./errors";
import { withProgress } from "./report";

/**
 * The codename of this system, such as `bookworm`.
 *
 * @throws DistributionUnsupported where it is not of the Debian family
 */
export async function distribution(): Promise<string> {
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

/** The names of the packages that are installed on this system. */
export async function installedPackages(): Promise<ReadonlySet<string>> {
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
  return present;
}

/** An apt-get with a state of its own beside the system's; see {@link privateApt}. */
export interface PrivateApt {
  /** Its configuration file, read after the system's. */
  readonly config: string;
  /** Where the downloaded packages lie. */
  readonly archives: string;
}

/**
 * Downloads what is missing here of `names` and of what they need, without installing anything.
 *
 * @param title the list in words, for the lines that people read
 * @throws PackagesUnavailable
 */
export async function download(apt: PrivateApt, title: string, names: readonly string[]): Promise<void> {
  const install = ["install", "--download-only", "--yes", "--no-install-recommends", "--", ...names];
  try {
    await withProgress(title, async (note) => {
      const options = { env: { ...process.env, LC_ALL: "C" }, onLine: note };
      await run("apt-get", ["-c", apt.config, "--quiet", "update"], options);
      note("downloading");
      await run("apt-get", ["-c", apt.config, "--quiet", ...install], options);
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
 *
 * @param state the folder for all that; may be removed afterwards
 */
export async function privateApt(state: string): Promise<PrivateApt> {
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
  return { config, archives: folders.archives };
}

function quoted(path: string): string {
  if (!/["\n]/.test(path)) return `"${path}"`;
  throw new DistributionUnsupported({
    expected: "a cache folder that apt's configuration can name",
    found: JSON.stringify(path),
    next: "name a folder without quotes and line breaks in XDG_CACHE_HOME",
  });
}

/** The installed packages that `names` need, directly or through others. */
export async function needs(apt: PrivateApt, names: readonly string[]): Promise<string[]> {
  const relations = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"];
  const options = ["--recurse", "--installed", ...relations.map((relation) => `--no-${relation}`)];
  const listing = await run("apt-cache", ["-c", apt.config, "depends", ...options, "--", ...names]);
  const installed = await installedPackages();
  return [...new Set(listing.split("\n"))].filter((line) => installed.has(line)).sort();
}
