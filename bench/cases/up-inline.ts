import type { Bench, BenchOptions } from "../bench";
import { upOnce } from "../once";
import { type Plan, rulesOf } from "../plan";
import { createAll } from "../provider";
import type { Measurement } from "../record";
import { interleaved, timed } from "../rounds";
import type { BenchSite } from "../site";
import { BareSsh } from "../ssh";

const FULL: Plan = { virtualServers: 1000, servers: 10 };
const SMALL: Plan = { virtualServers: 5, servers: 2 };

/** How long many rules take until all three kernels hold them, and what memory that needs. */
export const upInline: Bench = {
  about:
    "1,000 virtual servers x 10 inline servers on 3 directors, against ipvsadm --restore of the same on one",
  async run({ rounds, quick, sites, say }: BenchOptions): Promise<Measurement[]> {
    const plan = quick ? SMALL : FULL;
    const site = await sites.get(3);
    const told = async (who: string, work: () => Promise<Taken>): Promise<Taken> => {
      await site.wipe();
      const taken = await work();
      say(`${who}: ${taken.s.toFixed(1)} s${taken.peakMb > 0 ? `, ${taken.peakMb.toFixed(0)} MB` : ""}`);
      return taken;
    };
    const proved = async (work: () => Promise<Taken>): Promise<Taken> => {
      const taken = await work();
      await site.expectTables(plan.virtualServers, plan.virtualServers * plan.servers);
      return taken;
    };
    const runs = await interleaved<Taken, Contestant>(rounds, {
      up: () => told("pulumi up", () => proved(() => up(site, plan, false))),
      provider: () => told("the provider process alone", () => proved(() => alone(site, plan))),
      one: () => told("restore on one director", () => restore(site, plan, 1)),
      three: () => told("restore on three directors", () => proved(() => restore(site, plan, 3))),
      twin: () => told("pulumi up of no-ops with our properties", () => up(site, plan, true)),
    });
    return measurementsOf(runs);
  },
};

type Contestant = "up" | "provider" | "one" | "three" | "twin";

interface Taken {
  readonly s: number;
  /** Of the provider process; 0 where there is none. */
  readonly peakMb: number;
}

async function up({ directors }: BenchSite, plan: Plan, twin: boolean): Promise<Taken> {
  const { s, usage } = await upOnce("inline", { directors, plan, twin }, false);
  return { s, peakMb: usage.provider.peakMb };
}

/** All virtual servers are asked for at once, where the engine would ask for a few at a time. */
async function alone({ directors }: BenchSite, plan: Plan): Promise<Taken> {
  const { s, usage } = await createAll(directors, plan);
  return { s, peakMb: usage.peakMb };
}

/** A login and one command on each of the first directors, all at the same time. */
async function restore({ directors }: BenchSite, plan: Plan, count: number): Promise<Taken> {
  const input = `${rulesOf(plan).join("\n")}\n`;
  const { s } = await timed(() =>
    Promise.all(
      directors.slice(0, count).map(async (director) => {
        const session = await BareSsh.login(director);
        await session.run("ipvsadm --restore", input);
        await session.close();
      }),
    ),
  );
  return { s, peakMb: 0 };
}

function measurementsOf(runs: Record<Contestant, Taken[]>): Measurement[] {
  const elapsed = (who: Contestant) => runs[who].map(({ s }) => s);
  const memory = (who: Contestant) => runs[who].map(({ peakMb }) => peakMb);
  const [one, three] = ["ipvsadm --restore on one director", "the same on three at once"];
  const ours = { unit: "s", ours: elapsed("provider") } as const;
  return [
    {
      name: "up-inline/elapsed",
      unit: "s",
      against: one,
      ours: elapsed("up"),
      peer: elapsed("one"),
      aim: 1.2,
    },
    { ...ours, name: "up-inline/elapsed-provider", against: one, peer: elapsed("one"), aim: 1.2 },
    { ...ours, name: "up-inline/elapsed-provider-three", against: three, peer: elapsed("three") },
    {
      name: "up-inline/elapsed-twin",
      unit: "s",
      against: "pulumi up of no-ops with our properties",
      ours: elapsed("up"),
      peer: elapsed("twin"),
    },
    {
      name: "up-inline/provider-memory",
      unit: "MB",
      against: "that of no-ops with our properties",
      ours: memory("up"),
      peer: memory("twin"),
    },
    {
      name: "up-inline/provider-memory-at-once",
      unit: "MB",
      against: "that of no-ops with our properties",
      ours: memory("provider"),
      peer: memory("twin"),
    },
  ];
}
