import { join } from "node:path";
import { cached } from "./cache";
import { run } from "./command";
import { CommandFailed, ToolUnavailable } from "./errors";

/** The version of the generator of requests that is fetched. */
export const SCHEMATHESIS_VERSION = "4.32.5";

/** How it is run. */
export interface PythonProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Schemathesis from PyPI, which makes requests of an OpenAPI document: for the long run of the API's tests alone.
 *
 * @throws ToolUnavailable where there is no Python with pip, or PyPI cannot be reached
 */
export async function schemathesis(): Promise<PythonProgram> {
  const root = await cached({
    name: "schemathesis",
    version: SCHEMATHESIS_VERSION,
    what: `schemathesis ${SCHEMATHESIS_VERSION} from PyPI`,
    build: install,
  });
  return {
    command: "python3",
    args: ["-m", "schemathesis.cli"],
    env: { ...process.env, PYTHONPATH: join(root, "packages") },
  };
}

async function install(dir: string): Promise<void> {
  const wanted = `schemathesis==${SCHEMATHESIS_VERSION}`;
  const target = join(dir, "packages");
  try {
    await run("python3", [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--disable-pip-version-check",
      "--target",
      target,
      wanted,
    ]);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const { found } = error.explanation;
    const next =
      "install Python 3.10 or newer with pip (Debian: python3-pip), and see that PyPI can be reached";
    throw new ToolUnavailable({ expected: `${wanted} from PyPI`, found, next }, { cause: error });
  }
}
