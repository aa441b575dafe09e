/** Runs a command inside a node: on a director in all its namespaces, elsewhere in its network. */
import { spawn } from "node:child_process";
import type { World } from "./build";
import { NODE_ENVIRONMENT } from "./environment";
import type { NodeSpace } from "./spaces";

/** What to run. */
export interface ExecRequest {
  readonly node: string;
  /** Program and arguments; no shell is involved. */
  readonly argv: readonly string[];
  /** Text for its standard input. Default: none, closed at once. */
  readonly stdin?: string;
  /** Default 60,000. */
  readonly timeoutMs?: number;
}

/** What came of it. `code` is null when a signal ended the process, `timedOut` tells whether that was ours. */
export interface ExecOutcome {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

/** Where commands of a node run; undefined when there is no such node. */
export function spaceOf(world: World, node: string): NodeSpace | undefined {
  return world.directors.get(node)?.space ?? world.networks.get(node);
}

/**
 * Runs to the end and returns all output. On time-out the process is killed (SIGKILL), not its children, and whatever
 * they still hold open is not waited for. A program that is not there is code 127, as a shell would say.
 */
export function execute(space: NodeSpace, request: ExecRequest): Promise<ExecOutcome> {
  const [program, ...rest] = request.argv;
  if (program === undefined)
    return Promise.reject(new Error("argv: expected a program, found an empty list"));
  const child = space.within(() => spawn(program, rest, { env: NODE_ENVIRONMENT, cwd: "/" }));
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8");
    child[name].on("data", (chunk: string) => {
      output[name] += chunk;
    });
  }
  // A program that does not read its input must not take the world down with EPIPE.
  child.stdin.on("error", () => {});
  child.stdin.end(request.stdin ?? "");
  return new Promise((resolve) => {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
      child.stdout.destroy();
      child.stderr.destroy();
    }, request.timeoutMs ?? 60_000);
    const finish = (code: number | null, signal: string | null): void => {
      clearTimeout(timer);
      resolve({ code, signal, ...output, timedOut });
    };
    child.on("error", (error) => {
      output.stderr += `${error.message}\n`;
      finish(127, null);
    });
    child.on("close", finish);
  });
}
