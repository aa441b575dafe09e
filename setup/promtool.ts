import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { cached } from "./cache";
import { run } from "./command";
import { CommandFailed, ToolMissing, ToolUnavailable } from "./errors";
import { goBuild, withGoCaches } from "./go";
import { PROJECT_ROOT } from "./project";
import { say } from "./report";
import { atLeast, parseVersion, type Version } from "./version";

/** The Prometheus whose rule checker is built; go.mod under setup/go/promtool names the same, as v0.311.0. */
export const PROMETHEUS_VERSION = "3.11.0";
/** The oldest promtool on PATH that is used instead. */
const OLDEST_PROMTOOL: Version = [3, 0, 0];

/**
 * `promtool`, for tests of alert rules: that of PATH where it is new enough; else one that is built from the Go module proxy,
 * without the service discoveries of clouds, which takes some minutes, once.
 *
 * @returns the path of the program
 * @throws ToolUnavailable when it can be neither found nor built
 */
export async function promtool(): Promise<string> {
  if (await isFit("promtool")) return "promtool";
  const root = await cached({
    name: "promtool",
    version: PROMETHEUS_VERSION,
    what: `promtool of Prometheus ${PROMETHEUS_VERSION}, built from the Go module proxy`,
    build,
  });
  return join(root, "promtool");
}

/** Whether a promtool can be used; the reason is said where there is one that cannot. */
export async function isFit(program: string): Promise<boolean> {
  try {
    const version = parseVersion(await run(program, ["--version"], { timeout: 20_000 }));
    if (version !== undefined && atLeast(version, OLDEST_PROMTOOL)) return true;
    say(`not using ${program}: ${OLDEST_PROMTOOL.join(".")} or newer is needed, found ${version?.join(".")}`);
    return false;
  } catch (error) {
    if (error instanceof CommandFailed || error instanceof ToolMissing) return false;
    throw error;
  }
}

async function build(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  try {
    await withGoCaches(() =>
      goBuild({
        what: "promtool",
        module: join(PROJECT_ROOT, "setup", "go", "promtool"),
        main: "github.com/prometheus/prometheus/cmd/promtool",
        tags: ["remove_all_sd"],
        variables: { "github.com/prometheus/common/version.Version": PROMETHEUS_VERSION },
        output: join(dir, "promtool"),
      }),
    );
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new ToolUnavailable(
      {
        expected: `promtool of Prometheus ${PROMETHEUS_VERSION} from the Go module proxy`,
        found: error.explanation.found,
        next: `put promtool ${OLDEST_PROMTOOL.join(".")} or newer on PATH; or: ${error.explanation.next}`,
      },
      { cause: error },
    );
  }
}
