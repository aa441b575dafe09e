import type { Bench, BenchOptions } from "../bench";
import { type Plan, servicesOf } from "../plan";
import type { Measurement } from "../record";
import { interleaved } from "../rounds";
import type { BenchSite } from "../site";
import { BenchStack } from "../stack";
import { trafficOf } from "../traffic";

/** 10,000 servers in 1,000 pools. */
const FULL: Plan = { virtualServers: 1000, servers: 10 };
const SMALL: Plan = { virtualServers: 5, servers: 2 };

/** What the smallest of changes costs in the largest of tables. */
export const oneWeight: Bench = {
  about: "one weight among 10,000 inline servers on 3 directors, against the up that changes nothing",
  async run(options: BenchOptions): Promise<Measurement[]> {
    const plan = options.quick ? SMALL : FULL;
    const site = await options.sites.get(3);
    const stack = await BenchStack.create("inline", { directors: site.directors, plan }, false);
    try {
      await stack.up();
      return await measure(site, stack, plan, options);
    } finally {
      await stack.remove();
    }
  },
};

async function measure(
  site: BenchSite,
  stack: BenchStack,
  plan: Plan,
  { rounds, say }: BenchOptions,
): Promise<Measurement[]> {
  const up = async (what: string, firstWeight: number, directors = site.directors): Promise<number> => {
    await stack.use({ directors, plan, firstWeight });
    const { s } = await stack.up();
    await site.expectTables(
      plan.virtualServers,
      plan.virtualServers * plan.servers,
      firstRule(plan, firstWeight),
    );
    say(`${what}: ${s.toFixed(1)} s`);
    return s;
  };
  const { ours, peer } = await interleaved<number, "ours" | "peer">(rounds, {
    ours: (round) => up("one weight", round + 2),
    peer: (round) => up("no change", round + 2),
  });
  // Another port is another connection, and so an update of every resource: not one that is counted.
  await up("the same through relays", 1, site.counted);
  const counts = await trafficOf(
    site,
    (thing) => `one-weight/${thing}`,
    (directors) => up("one weight, counted", 100, directors),
  );
  return [
    { name: "one-weight/elapsed", unit: "s", against: "the up without changes", ours, peer },
    ...counts,
  ];
}

function firstRule(plan: Plan, weight: number): string | undefined {
  const [service] = servicesOf(plan);
  const [member] = service?.members ?? [];
  if (!service || !member) return undefined;
  return `-a -t ${service.address}:${service.port} -r ${member.address}:${member.port} -m -w ${weight}`;
}
