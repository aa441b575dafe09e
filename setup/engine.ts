import { stat, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { cached } from "./cache";
import { run } from "./command";
import { downloadEngine } from "./engine-download";
import { buildEngine, LANGUAGE_HOST } from "./engine-source";
import { CommandFailed, DownloadFailed, PlatformUnsupported, ToolUnavailable } from "./errors";
import { say } from "./report";
import { atLeast, parseVersion, type Version } from "./version";

/** The engine that is fetched: the version of @pulumi/pulumi that this project is developed with. */
export const ENGINE_VERSION = "3.259.0";
/** The oldest engine on PATH that is used instead. */
const OLDEST_ENGINE: Version = [3, 259, 0];
/** The Pulumi engine with what it needs to run our programs. */
export interface Engine {
  /** The folder with `pulumi`, the Node.js language host and the launcher of dynamic providers. */
  readonly bin: string;
  /** Whether it can fetch plugins from Pulumi's host; false where that host was out of reach. */
  readonly fetchesPlugins: boolean;
}

/**
 * Finds or makes the Pulumi engine: the `pulumi` on PATH when it is new enough and has its Node.js language
 * host; else the official download; else, where that can't be reached, a build from the Go module proxy,
 * which takes some minutes.
 *
 * @throws ToolUnavailable when nothing of that works, ChecksumMismatch when the download is not genuine
 */
export async function engine(): Promise<Engine> {
  const installed = await engineOnPath(process.env.PATH ?? "");
  if (installed !== undefined)
    return { bin: installed, fetchesPlugins: await isOfficial(dirname(installed)) };
  const root = await cached({
    name: "pulumi",
    version: ENGINE_VERSION,
    what: `the Pulumi engine ${ENGINE_VERSION}`,
    build,
  });
  return { bin: join(root, "bin"), fetchesPlugins: await isOfficial(root) };
}

/** A file beside `bin/` of an engine that we built; it tells whether plugins can be had later, too. */
const BUILT_HERE = "built-from-source";

async function isOfficial(root: string): Promise<boolean> {
  return !(await isFile(join(root, BUILT_HERE)));
}

/**
 * The folder of the first `pulumi` on a search path, if it can run our programs; else the reason is said.
 *
 * @param path folders as in PATH
 */
export async function engineOnPath(path: string): Promise<string | undefined> {
  const folders = path.split(delimiter).filter((folder) => folder !== "");
  for (const folder of folders) {
    if (!(await isFile(join(folder, "pulumi")))) continue;
    const reason = await unfit(folder, folders);
    if (reason === undefined) return folder;
    say(`not using ${join(folder, "pulumi")}: ${reason}`);
    return undefined;
  }
  return undefined;
}

/** Why the `pulumi` in `folder` can't be used, if so. */
async function unfit(folder: string, path: readonly string[]): Promise<string | undefined> {
  let version: Version | undefined;
  try {
    const env = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" };
    version = parseVersion(await run(join(folder, "pulumi"), ["version"], { env, timeout: 20_000 }));
  } catch (error) {
    if (error instanceof CommandFailed) return "it does not run";
    throw error;
  }
  if (version === undefined) return "it does not tell its version";
  if (version[0] !== OLDEST_ENGINE[0] || !atLeast(version, OLDEST_ENGINE)) {
    return `its version is ${version.join(".")}, and ${OLDEST_ENGINE.join(".")} or newer of ${OLDEST_ENGINE[0]} is needed`;
  }
  for (const place of [folder, ...path]) if (await isFile(join(place, LANGUAGE_HOST))) return undefined;
  return `there is no ${LANGUAGE_HOST} with it`;
}

async function build(dir: string): Promise<void> {
  const refused = await downloadEngine(dir, ENGINE_VERSION).then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof DownloadFailed || error instanceof PlatformUnsupported) return error;
      throw error;
    },
  );
  if (refused === undefined) return;
  say(
    `no official engine (${refused.explanation.found}); building it from the Go module proxy: 4 to 10 minutes, once`,
  );
  try {
    await buildEngine(dir, ENGINE_VERSION);
    await writeFile(join(dir, BUILT_HERE), "");
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new ToolUnavailable(
      {
        expected: `the Pulumi engine ${ENGINE_VERSION} from its publisher or from the Go module proxy`,
        found: `${refused.explanation.found}\n  and:   ${error.explanation.found}`,
        next: `install Pulumi ${ENGINE_VERSION} or newer yourself and put it on PATH; or: ${error.explanation.next}`,
      },
      { cause: error },
    );
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
