import type { Met } from "../api/clients";
import { type Bench, BenchError, type BenchOptions } from "../bench";
import { firstLine, pinned } from "../pinned";
import type { Measurement } from "../record";

const FULL = { virtualServers: 100, servers: 10, durationMs: 60_000 };
const SMALL = { virtualServers: 5, servers: 2, durationMs: 1_000 };

/** What an agent's API answers while it also makes changes. There is no peer: see docs/bench.md. */
export const apiLoad: Bench = {
  about: "an agent's API: reads by one core of clients beside 50 changes a second for a minute, 100 x 10",
  async run({ rounds, quick, say }: BenchOptions): Promise<Measurement[]> {
    const all: Met[] = [];
    for (let round = 0; round < rounds; round++) {
      const met = await loaded(quick ? SMALL : FULL);
      say(
        `${met.readsPerS.toFixed(0)} reads a second (99 % within ${met.readP99Ms.toFixed(1)} ms), ${met.changesPerS.toFixed(1)} changes ` +
          `a second (half within ${met.changeP50Ms.toFixed(1)} ms, 99 % within ${met.changeP99Ms.toFixed(1)} ms)`,
      );
      if (met.errors + met.wrong > 0)
        throw new BenchError(
          `${met.errors} answers were errors, and ${met.wrong} weights are wrong at the end`,
        );
      all.push(met);
    }
    const of = (key: keyof Met) => ({
      against: "nothing comparable",
      ours: all.map((met) => met[key]),
      peer: [],
    });
    return [
      { name: "api/reads", unit: "1/s", ...of("readsPerS") },
      { name: "api/changes", unit: "1/s", ...of("changesPerS") },
      {
        name: "api/change-p99",
        unit: "s",
        ...of("changeP99Ms"),
        ours: all.map((met) => met.changeP99Ms / 1000),
      },
    ];
  },
};

/** The agent and its clients run on different cores. */
async function loaded({ virtualServers, servers, durationMs }: typeof FULL): Promise<Met> {
  const agent = pinned(1, "api/agent.js", []);
  try {
    const socket = await firstLine(agent);
    const clients = pinned(0, "api/clients.js", [socket, `${virtualServers}`, `${servers}`, `${durationMs}`]);
    return JSON.parse(await firstLine(clients)) as Met;
  } finally {
    agent.stdin?.end();
  }
}
