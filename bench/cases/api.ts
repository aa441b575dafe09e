import { checked, measurementsOf } from "../api/measured";
import type { ApiOrder, Met } from "../api/order";
import type { Bench, BenchOptions } from "../bench";
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
