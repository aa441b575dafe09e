import { mkdir, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { cached } from "./cache";
import { run } from "./command";
import { CommandFailed, ToolUnavailable } from "./errors";
import { goBuild, withGoCaches } from "./go";
import { PROJECT_ROOT } from "./project";
import { say } from "./report";
import { atLeast, parseVersion, type Version } from "./version";

/** The etcd that is built; go.mod under setup/go/etcd names the same. */
export const ETCD_VERSION = "3.6.16";
/** The oldest etcd on PATH that is used instead: the first with `etcdutl`. */
const OLDEST_ETCD: Version = [3, 5, 0];

/** Programs of etcd, and the module that each is the main package of. */
const PROGRAMS = {
  etcd: "go.etcd.io/etcd/server/v3",
  etcdctl: "go.etcd.io/etcd/etcdctl/v3",
  etcdutl: "go.etcd.io/etcd/etcdutl/v3",
} as const;

/**
 * The folder with `etcd`, `etcdctl` and `etcdutl`, for tests: that of PATH where all three are and are new enough; else one
 * that is built from the Go module proxy, which takes a minute or two, once.
 *
 * @throws ToolUnavailable when they can be neither found nor built
 */
export async function etcd(): Promise<string> {
  const installed = await etcdOnPath(process.env.PATH ?? "");
  if (installed !== undefined) return installed;
  const root = await cached({
    name: "etcd",
    version: ETCD_VERSION,
    what: `etcd ${ETCD_VERSION}, built from the Go module proxy`,
    build,
  });
  return join(root, "bin");
}

/**
 * The folder of the first `etcd` on a search path, if its tools are with it and it is new enough; else the reason is said.
 *
 * @param path folders as in PATH
 */
export async function etcdOnPath(path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter((one) => one !== "")) {
    if (!(await isFile(join(folder, "etcd")))) continue;
    const reason = await unfit(folder);
    if (reason === undefined) return folder;
    say(`not using ${join(folder, "etcd")}: ${reason}`);
    return undefined;
  }
  return undefined;
}

/** Why the programs in `folder` can't be used, if so. */
async function unfit(folder: string): Promise<string | undefined> {
  for (const program of Object.keys(PROGRAMS))
    if (!(await isFile(join(folder, program)))) return `there is no ${program} with it`;
  try {
    const version = parseVersion(await run(join(folder, "etcd"), ["--version"], { timeout: 20_000 }));
    if (version === undefined) return "it does not tell its version";
    if (atLeast(version, OLDEST_ETCD)) return undefined;
    return `its version is ${version.join(".")}, and ${OLDEST_ETCD.join(".")} or newer is needed`;
  } catch (error) {
    if (error instanceof CommandFailed) return "it does not run";
    throw error;
  }
}

async function build(dir: string): Promise<void> {
  const bin = join(dir, "bin");
  await mkdir(bin);
  const module = join(PROJECT_ROOT, "setup", "go", "etcd");
  try {
    await withGoCaches(async () => {
      for (const [program, main] of Object.entries(PROGRAMS))
        await goBuild({ what: program, module, main, variables: {}, output: join(bin, program) });
    });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new ToolUnavailable(
      {
        expected: `etcd ${ETCD_VERSION} from the Go module proxy`,
        found: error.explanation.found,
        next: `put etcd, etcdctl and etcdutl ${OLDEST_ETCD.join(".")} or newer on PATH; or: ${error.explanation.next}`,
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
