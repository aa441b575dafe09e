import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { PROJECT_ROOT } from "../../setup/project";
import { type Bench, BenchError, type BenchOptions } from "../bench";
import type { Measurement } from "../record";

/** How many checks one core can make. There is no peer: see docs/bench.md. */
export const checkRate: Bench = {
  about: "TCP checks a second by one process on one core of this machine, until 1 % begin late",
  async run({ rounds, quick, say }: BenchOptions): Promise<Measurement[]> {
    const ours: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const rate = await rateOf(quick ? { first: 200, windowMs: 300 } : { first: 1_000, windowMs: 3_000 });
      say(`${rate.toFixed(0)} checks a second`);
      ours.push(rate);
    }
    const against = "nothing: keepalived ends where the kernel has no IPVS";
    return [{ name: "check-rate/tcp", unit: "1/s", against, ours, peer: [] }];
  },
};

interface Search {
  readonly first: number;
  readonly windowMs: number;
}

/** The servers and what checks them run on different cores. */
async function rateOf({ first, windowMs }: Search): Promise<number> {
  const servers = pinned(1, "servers.js", []);
  try {
    const port = await firstLine(servers);
    return Number(await firstLine(pinned(0, "checks.js", [port, `${first}`, `${windowMs}`])));
  } finally {
    servers.stdin?.end();
  }
}

function pinned(core: number, program: string, args: readonly string[]): ChildProcess {
  const argv = [
    "-c",
    `${core}`,
    process.execPath,
    join(PROJECT_ROOT, "dist", "bench", "rate", program),
    ...args,
  ];
  return spawn("taskset", argv, { stdio: ["pipe", "pipe", "inherit"] });
}

/** The first line that a program prints. Throws when it ends before that: a machine with one core has no second one. */
async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new BenchError("a child without output");
  const lines = createInterface({ input: child.stdout });
  const ended = once(child, "close").then(([code]) => {
    throw new BenchError(`${child.spawnargs.join(" ")}: status ${String(code)}, are there two cores?`);
  });
  const [line] = (await Promise.race([once(lines, "line"), ended])) as [string];
  ended.catch(() => undefined);
  return line;
}
