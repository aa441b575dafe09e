import type { Bench, BenchOptions } from "../bench";
import { firstLine, pinned } from "../pinned";
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
  const servers = pinned(1, "rate/servers.js", []);
  try {
    const port = await firstLine(servers);
    return Number(await firstLine(pinned(0, "rate/checks.js", [port, `${first}`, `${windowMs}`])));
  } finally {
    servers.stdin?.end();
  }
}
