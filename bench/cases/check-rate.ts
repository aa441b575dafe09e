import type { Bench, BenchOptions } from "../bench";
import type { CheckType, Pace } from "../checked";
import type { Order } from "../guest/order";
import { measureInside, programs } from "../in-director";
import { firstLine, pinned } from "../pinned";
import { largestRate } from "../rate/search";
import type { Measurement } from "../record";
import { interleaved } from "../rounds";

/** Which rates are tried, in checks a second, and how long each is watched. */
interface Search {
  readonly first: number;
  readonly most: number;
  readonly windowMs: number;
}

const FULL: Search = { first: 1_000, most: Number.POSITIVE_INFINITY, windowMs: 3_000 };
const SMALL: Search = { first: 200, most: 400, windowMs: 300 };
const FULL_INSIDE: Search = { first: 200, most: Number.POSITIVE_INFINITY, windowMs: 5_000 };
const SMALL_INSIDE: Search = { first: 20, most: 20, windowMs: 1_000 };

const PACE: Pace = { intervalMs: 1_000, timeoutMs: 1_000, fall: 3 };
/** Behind each virtual server. */
const SERVERS = 10;
/** The share of checks that may come late. */
const LATE = 0.01;

/** How many checks one core can make: those of the agent alone, and whole daemons beside each other. */
export const checkRate: Bench = {
  about:
    "checks a second until 1 % begin late: TCP and HTTP by one process on one core of this machine; the whole agent against keepalived",
  async run(options: BenchOptions): Promise<Measurement[]> {
    const alone = [await alonePer("tcp", options), await alonePer("http", options)];
    return [...alone, await inside(options)];
  },
};

/** Without a peer: see docs/bench.md. */
async function alonePer(type: CheckType, { rounds, quick, say }: BenchOptions): Promise<Measurement> {
  const ours: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const rate = await rateOf(type, quick ? SMALL : FULL);
    say(`${type}: ${rate.toFixed(0)} checks a second`);
    ours.push(rate);
  }
  const against = "nothing: keepalived ends where the kernel has no IPVS";
  return { name: `check-rate/${type}`, unit: "1/s", against, ours, peer: [] };
}

/** The servers and what checks them run on different cores. */
async function rateOf(type: CheckType, { first, most, windowMs }: Search): Promise<number> {
  const servers = pinned(1, "rate/servers.js", [type]);
  try {
    const port = await firstLine(servers);
    const args = [port, type, `${first}`, `${most}`, `${windowMs}`];
    return Number(await firstLine(pinned(0, "rate/checks.js", args)));
  } finally {
    servers.stdin?.end();
  }
}

/** Daemons in the lab's guest, whose one core the servers are on too. */
async function inside({ rounds, quick, sites, say }: BenchOptions): Promise<Measurement> {
  const site = await sites.get(quick ? 3 : 1);
  const { first, most, windowMs } = quick ? SMALL_INSIDE : FULL_INSIDE;
  const same = { pace: PACE, idleS: windowMs / 1000, ...(await programs()) };
  const take = (contestant: Order["contestant"]) => async () => {
    const keepsOnce = async (rate: number) => {
      const plan = { virtualServers: Math.ceil(rate / SERVERS), servers: SERVERS };
      const { checks, s, late, due } = await measureInside(site, "rate", { contestant, plan, ...same });
      const reached = checks / s;
      say(`${contestant}, ${rate} a second due: ${reached.toFixed(0)} came, ${late} of ${due} late`);
      return late <= LATE * due ? reached : undefined;
    };
    // Whatever else disturbed this machine for a moment is not the daemon's fault.
    const keeps = async (rate: number) => (await keepsOnce(rate)) ?? (await keepsOnce(rate));
    const rate = await largestRate(first, keeps, most);
    say(`${contestant}: ${rate.toFixed(0)} checks a second`);
    return rate;
  };
  const { ours, peer } = await interleaved<number, "ours" | "peer">(rounds, {
    ours: take("agent"),
    peer: take("keepalived"),
  });
  const against = "keepalived, in the lab's guest, on the core that the servers are on too";
  return { name: "check-rate/daemon", unit: "1/s", against, ours, peer };
}
