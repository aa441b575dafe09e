import type { ApiOrder, Met } from "../api/order";
import { type Bench, BenchError, type BenchOptions } from "../bench";
import { firstLine, pinned } from "../pinned";
import type { Measurement } from "../record";

const FULL = { plan: { virtualServers: 100, servers: 10 }, durationMs: 60_000 };
const SMALL = { plan: { virtualServers: 5, servers: 2 }, durationMs: 1_000 };

/** What an agent's API answers while it also makes changes. There is no peer: see docs/bench.md. */
export const apiLoad: Bench = {
  about: "an agent's API: reads by one core of clients beside 50 changes a second for a minute, 100 x 10",
  async run({ rounds, quick, say }: BenchOptions): Promise<Measurement[]> {
    const all: Met[] = [];
    for (let round = 0; round < rounds; round++) all.push(checked(await loaded(quick ? SMALL : FULL), say));
    return measurementsOf("api", all);
  },
};

/** Throws BenchError for answers that were errors, and for a table that is not as it was declared. */
export function checked(met: Met, say: (text: string) => void): Met {
  say(
    `${met.readsPerS.toFixed(0)} reads a second (99 % within ${met.readP99Ms.toFixed(1)} ms), ${met.changesPerS.toFixed(1)} changes ` +
      `a second (half within ${met.changeP50Ms.toFixed(1)} ms, 99 % within ${met.changeP99Ms.toFixed(1)} ms), ${met.moves} of them moves`,
  );
  if (met.errors + met.wrong === 0) return met;
  throw new BenchError(
    `${met.errors} answers were errors, and ${met.wrong} servers are not as declared at the end. ${met.firstError}`,
  );
}

/** What clients met as records. */
export function measurementsOf(bench: string, all: readonly Met[]): Measurement[] {
  const nothing = { against: "nothing comparable", peer: [] };
  return [
    { name: `${bench}/reads`, unit: "1/s", ...nothing, ours: all.map((met) => met.readsPerS) },
    { name: `${bench}/changes`, unit: "1/s", ...nothing, ours: all.map((met) => met.changesPerS) },
    { name: `${bench}/change-p99`, unit: "s", ...nothing, ours: all.map((met) => met.changeP99Ms / 1000) },
  ];
}

/** The agent and its clients run on different cores. */
async function loaded(load: typeof FULL): Promise<Met> {
  const agent = pinned(1, "api/agent.js", []);
  try {
    const socketPath = await firstLine(agent);
    const clients = pinned(0, "api/clients.js", []);
    clients.stdin?.end(JSON.stringify({ socketPath, table: "agent", ...load } satisfies ApiOrder));
    return JSON.parse(await firstLine(clients)) as Met;
  } finally {
    agent.stdin?.end();
  }
}
