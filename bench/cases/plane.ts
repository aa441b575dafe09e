import type { Bench, BenchOptions } from "../bench";
import { changeOne, makeOne } from "../change-one";
import type { Pace } from "../checked";
import type { Scraped } from "../guest/order";
import type { Spread } from "../guest/spread";
import { measureInside, programs } from "../in-director";
import { type PlannedService, servicesOf } from "../plan";
import { MEMBERS, SharingAgents } from "../plane/agents";
import { costEach, type EtcdCounts } from "../plane/counts";
import { created, turned, weighted } from "../plane/steps";
import { type Measurement, median } from "../record";
import type { BenchSite } from "../site";

/** How much of it. */
interface Sizes {
  readonly directors: readonly number[];
  /** Changes that are made in each round, and their pause. */
  readonly changes: number;
  readonly pauseMs: number;
  /** How often a server falls and comes back in each round. */
  readonly falls: number;
  /** How long nothing is done, and how long directors have to tell of what was done. */
  readonly idleMs: number;
  readonly settleMs: number;
  readonly table: { readonly virtualServers: number; readonly servers: number };
  readonly scrapedS: number;
}

const FULL: Sizes = {
  ...{ directors: [3, 32], changes: 10, pauseMs: 1_000, falls: 2 },
  ...{ idleMs: 10_000, settleMs: 6_000 },
  ...{ table: { virtualServers: 1_000, servers: 10 }, scrapedS: 30 },
};
const SMALL: Sizes = {
  ...{ directors: [3], changes: 3, pauseMs: 100, falls: 1 },
  ...{ idleMs: 2_000, settleMs: 3_000 },
  ...{ table: { virtualServers: 5, servers: 2 }, scrapedS: 2 },
};
/** Of the table that is scraped, as in `agent-start`. */
const PACE: Pace = { intervalMs: 60_000, timeoutMs: 5_000, fall: 3 };
const QUICK_PACE: Pace = { intervalMs: 500, timeoutMs: 500, fall: 3 };
/** Of the server that falls and comes back. */
const CHECK = { type: "http", path: "/health", ...{ intervalMs: 1_000, timeoutMs: 900, rise: 2, fall: 3 } };

/** Directors that share an etcd: how fast a change is everywhere, what it costs etcd, and what it costs to be watched. */
export const plane: Bench = {
  about:
    "a change through etcd until 3 and 32 directors hold it, against SSH; etcd's writes; 1,000 x 10 scraped",
  async run(options: BenchOptions): Promise<Measurement[]> {
    const sizes = options.quick ? SMALL : FULL;
    const results: Measurement[] = [];
    for (const count of sizes.directors) results.push(...(await measureSize(count, sizes, options)));
    return [...results, ...(await measureScrapes(sizes, options))];
  },
};

/** What a round on directors that share gave. */
interface Round {
  readonly answeredS: number;
  readonly heldS: number;
  readonly change: EtcdCounts;
  readonly transition: EtcdCounts;
}

async function measureSize(count: number, sizes: Sizes, options: BenchOptions): Promise<Measurement[]> {
  const { rounds, sites, say } = options;
  const site = await sites.get(count, MEMBERS);
  // Before, not in turn: what an agent keeps is not changed over SSH by anybody else.
  const pushedS = await push(site, options);
  await site.wipe();
  const shared: Round[] = [];
  const agents = await SharingAgents.up(site);
  try {
    const services = await declare(agents, site);
    for (let round = 0; round < rounds; round++) {
      const one = await takeRound(agents, site, { ...services, round }, sizes);
      const { answeredS, heldS, change, transition } = one;
      say(
        `${count} directors, by etcd: answered in ${answeredS.toFixed(3)} s, everywhere in ${heldS.toFixed(3)} s; ` +
          `${change.puts.toFixed(1)} writes and ${change.bytes.toFixed(0)} bytes for a change, ` +
          `${transition.puts.toFixed(1)} and ${transition.bytes.toFixed(0)} for a transition`,
      );
      shared.push(one);
    }
  } finally {
    await agents.down();
  }
  return measurementsOf(count, shared, pushedS);
}

/** The peer: seconds of the same change over SSH, round by round. */
async function push(site: BenchSite, { rounds, say }: BenchOptions): Promise<number[]> {
  const made = await makeOne(site.directors);
  const pushedS: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { s } = await changeOne(site.directors, made, round + 2);
    await site.expectTables(1, 2);
    say(`${site.directors.length} directors, over SSH: ${s.toFixed(2)} s`);
    pushedS.push(s);
  }
  return pushedS;
}

/** A virtual server whose weights are changed, and one whose server is checked. */
interface Declared {
  readonly changed: PlannedService;
  readonly checked: PlannedService;
}

async function declare(agents: SharingAgents, site: BenchSite): Promise<Declared> {
  const [changed, other] = servicesOf({ virtualServers: 2, servers: 2 });
  const [server] = site.servers;
  if (!changed || !other || !server) throw new RangeError("a plan of two, and a server, were expected");
  const checked = { ...other, members: [{ name: server.name, address: server.address, port: other.port }] };
  await agents.spread([created(changed, { type: "none" }), created(checked, CHECK)], 0);
  return { changed, checked };
}

async function takeRound(
  agents: SharingAgents,
  site: BenchSite,
  { changed, checked, round }: Declared & { readonly round: number },
  { changes, pauseMs, falls, idleMs, settleMs }: Sizes,
): Promise<Round> {
  const idle = await agents.count(async () => undefined, idleMs);
  const steps = Array.from({ length: changes }, (_, index) => weighted(changed, 2 + round * changes + index));
  let spreads: readonly Spread[] = [];
  const busy = await agents.count(async () => {
    spreads = await agents.spread(steps, pauseMs);
  }, settleMs);
  const [server] = site.servers;
  const fallen = await agents.count(async () => {
    for (let fall = 0; fall < falls; fall++)
      for (const [health, weight] of [[503, 0] as const, [200, 1] as const]) {
        await site.lab.fault.setHealth(server?.name ?? "", health);
        await agents.spread([turned(checked, weight)], settleMs);
      }
  }, 0);
  return {
    answeredS: median(spreads.map(({ answeredS }) => answeredS)),
    heldS: median(spreads.map(({ heldS }) => heldS)),
    change: costEach(busy, idle, changes),
    transition: costEach(fallen, idle, 2 * falls),
  };
}

const ALONE = { against: "nothing comparable", peer: [] };

function measurementsOf(count: number, shared: readonly Round[], pushedS: readonly number[]): Measurement[] {
  const cost = (of: "change" | "transition", key: keyof EtcdCounts) => shared.map((round) => round[of][key]);
  const name = (thing: string) => `plane/${thing}-${count}`;
  return [
    {
      ...{ name: name("everywhere"), unit: "s", against: "the same change over SSH, in mode ssh" },
      ...{ ours: shared.map(({ heldS }) => heldS), peer: pushedS, aim: 1 },
    },
    { name: name("answered"), unit: "s", ...ALONE, ours: shared.map(({ answeredS }) => answeredS) },
    { name: name("change-writes"), unit: "count", ...ALONE, ours: cost("change", "puts") },
    { name: name("change-bytes"), unit: "bytes", ...ALONE, ours: cost("change", "bytes") },
    { name: name("transition-writes"), unit: "count", ...ALONE, ours: cost("transition", "puts") },
    { name: name("transition-bytes"), unit: "bytes", ...ALONE, ours: cost("transition", "bytes") },
  ];
}

async function measureScrapes(
  { table, scrapedS }: Sizes,
  { rounds, quick, sites, say }: BenchOptions,
): Promise<Measurement[]> {
  const site = await sites.get(quick ? 3 : 1);
  const order = { plan: table, pace: quick ? QUICK_PACE : PACE, idleS: scrapedS, ...(await programs()) };
  const all: Scraped[] = [];
  for (let round = 0; round < rounds; round++) {
    const one = await measureInside(site, "scrapes", { contestant: "agent", ...order });
    say(
      `scraped every 5 s: CPU ${one.scrapedCpuS.toFixed(2)} s in ${scrapedS} s, ${one.idleCpuS.toFixed(2)} s without; ` +
        `a scrape ${median(one.scrapesS).toFixed(3)} s, ${one.bytes} bytes; ${one.peakMb.toFixed(0)} MB`,
    );
    all.push(one);
  }
  return [
    {
      ...{ name: "plane/scraped-cpu", unit: "s", against: "the same agent, as long, without scrapes" },
      ...{ ours: all.map((one) => one.scrapedCpuS), peer: all.map((one) => one.idleCpuS) },
    },
    { name: "plane/scrape", unit: "s", ...ALONE, ours: all.flatMap(({ scrapesS }) => scrapesS) },
    { name: "plane/scrape-bytes", unit: "bytes", ...ALONE, ours: all.map(({ bytes }) => bytes) },
    { name: "plane/scraped-memory", unit: "MB", ...ALONE, ours: all.map(({ peakMb }) => peakMb) },
  ];
}
