import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { run } from "./command";
import { CacheNotWritable } from "./errors";
import { withLock } from "./lock";
import { step } from "./report";

/** One thing that the set-up fetches or builds once and keeps. */
export interface CacheEntry {
  /** The folder under the cache: letters, digits and `._+~-`. */
  readonly name: string;
  /** Everything the content depends on, in the same letters: two contents never share a version. */
  readonly version: string;
  /** The thing in words, for the lines that people read: "the Pulumi engine 3.259.0". */
  readonly what: string;
  /** Fills the empty folder `dir`. Must not write its path into the content: the folder is renamed. */
  build(dir: string): Promise<void>;
}

/**
 * The one folder that holds everything the set-up ever fetches: `$XDG_CACHE_HOME/heye`, by default
 * `~/.cache/heye`. A relative XDG_CACHE_HOME is ignored, as the specification of that variable demands.
 */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  const base = env.XDG_CACHE_HOME;
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), ".cache"), "heye");
}

/**
 * The folder with the content of `entry`, built first where it is not there yet.
 *
 * A folder under its final name is always whole: it is built under another name beside it and renamed at the
 * end. Whoever comes second waits for the first and takes its result. What a killed builder left behind is
 * removed by the next builder of the same version, which can be sure of that because it holds the lock; the
 * draft's name is new each time, so an orphan that still writes can't reach into it.
 *
 * @returns the absolute path of the folder
 * @throws CacheNotWritable, and whatever `build` throws (nothing is kept then)
 */
export async function cached(entry: CacheEntry): Promise<string> {
  const folder = join(cacheRoot(), checked(entry.name));
  const final = join(folder, checked(entry.version));
  if (await exists(final)) return final;
  const locks = join(cacheRoot(), "locks");
  await writable(folder);
  await writable(locks);
  return withLock(join(locks, `${entry.name}@${entry.version}`), entry.what, async () => {
    if (await exists(final)) return final;
    await removeDrafts(folder, entry.version);
    await step(entry.what, () => fill(entry, join(folder, draftPrefix(entry.version)), final));
    return final;
  });
}

async function fill(entry: CacheEntry, prefix: string, final: string): Promise<void> {
  const draft = await mkdtemp(prefix);
  try {
    // mkdtemp makes it private; but the content is to be used by other users too, in the lab's guest for one.
    await chmod(draft, 0o755);
    await entry.build(draft);
    // Without it a power failure soon after the rename could leave a whole name with empty files.
    await run("sync", ["--file-system", draft]);
    await rename(draft, final);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

async function removeDrafts(folder: string, version: string): Promise<void> {
  const names = await readdir(folder);
  const left = names.filter((name) => name.startsWith(draftPrefix(version)));
  await Promise.all(left.map((name) => rm(join(folder, name), { recursive: true, force: true })));
}

function draftPrefix(version: string): string {
  return `.${version}.draft-`;
}

function checked(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._+~-]*$/.test(name)) return name;
  throw new TypeError(
    `a cache entry's name and version are letters, digits and ._+~-, not ${JSON.stringify(name)}`,
  );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
}

async function writable(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new CacheNotWritable(
      {
        expected: `to create ${folder}`,
        found: error instanceof Error ? error.message : String(error),
        next: "make it yours (an earlier run with sudo may have created it), or name another place in XDG_CACHE_HOME",
      },
      { cause: error },
    );
  }
}
