import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PROJECT_ROOT } from "../setup/project";
import { BenchError } from "./bench";

/** Starts a program of the bench on one core of this machine. */
export function pinned(core: number, program: string, args: readonly string[]): ChildProcess {
  const file = join(PROJECT_ROOT, "dist", "bench", program);
  const argv = ["-c", `${core}`, process.execPath, file, ...args];
  return spawn("taskset", argv, { stdio: ["pipe", "pipe", "inherit"] });
}

/** The first line that a program prints. Throws when it ends before that: a machine with one core has no second one. */
export async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new BenchError("a child without output");
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, "close").then(([code]) => {
    throw new BenchError(`${child.spawnargs.join(" ")}: status ${String(code)}, are there two cores?`);
  });
  const [line] = (await Promise.race([once(lines, "line"), ended])) as [string];
  ended.catch(() => undefined);
  return line;
}
