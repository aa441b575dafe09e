import type { Bench, BenchOptions } from "../bench";
import { type FirstUp, upOnce } from "../once";
import type { Plan } from "../plan";
import type { Measurement } from "../record";
import { interleaved } from "../rounds";
import type { BenchSite } from "../site";
import type { StateResource } from "../stack";

/** 1,000 RealServers. */
const FULL: Plan = { virtualServers: 100, servers: 10 };
const SMALL: Plan = { virtualServers: 2, servers: 3 };

/** What a user can ask for who has many resources: enough that a group of changes is worth its way. */
const MANY_AT_A_TIME = 128;

/** What a `pulumi up` of separate RealServers costs over what Pulumi takes for as many resources by itself. */
export const upSeparate: Bench = {
  about:
    "pulumi up of 1,000 RealServers (100 virtual servers) on 3 directors, against as many no-op resources",
  async run(options: BenchOptions): Promise<Measurement[]> {
    const site = await options.sites.get(3);
    const without = await measure(site, options, false);
    return options.quick ? without : [...without, ...(await measure(site, options, true))];
  },
};

/** The same where the engine works on more resources at a time, for us and for the peers. */
export const upParallel: Bench = {
  about: `the same as up-separate with \`--parallel ${MANY_AT_A_TIME}\``,
  async run(options: BenchOptions): Promise<Measurement[]> {
    const site = await options.sites.get(3);
    const without = await measure(site, options, false, MANY_AT_A_TIME);
    return options.quick ? without : [...without, ...(await measure(site, options, true, MANY_AT_A_TIME))];
  },
};

type Contestant = "ours" | "peer" | "twin";

async function measure(
  site: BenchSite,
  { rounds, quick, say }: BenchOptions,
  checkpoints: boolean,
  parallel?: number,
): Promise<Measurement[]> {
  const plan = quick ? SMALL : FULL;
  const mode = checkpoints ? "with-checkpoints" : "without-checkpoints";
  const parameters = { directors: site.directors, plan };
  const count = 1 + plan.virtualServers * (1 + plan.servers);
  const told = async (who: Contestant, work: Promise<FirstUp>): Promise<FirstUp> => {
    const up = await work;
    const { engine, program, provider } = up.usage;
    const cpu = [engine, program, provider].map(({ cpuS }) => cpuS.toFixed(1)).join(" ");
    say(`${mode}, ${who}: ${up.s.toFixed(1)} s, CPU of engine, program, provider ${cpu}`);
    return up;
  };
  const runs = await interleaved<FirstUp, Contestant>(rounds, {
    ours: async () => {
      await site.wipe();
      const up = await told("ours", upOnce("separate", parameters, checkpoints, parallel));
      await site.expectTables(plan.virtualServers, plan.virtualServers * plan.servers);
      return up;
    },
    peer: () => told("peer", upOnce("noop", { count }, checkpoints, parallel)),
    twin: () => told("twin", upOnce("separate", { ...parameters, twin: true }, checkpoints, parallel)),
  });
  const aim = checkpoints ? 1.3 : 2;
  const all = measurementsOf(parallel === undefined ? "up-separate" : "up-parallel", mode, aim, runs);
  // What is in the state does not depend on how many were made at a time.
  return parallel === undefined ? all : all.filter(({ unit }) => unit === "s");
}

function measurementsOf(
  bench: string,
  mode: string,
  aim: number,
  { ours, peer, twin }: Record<Contestant, FirstUp[]>,
): Measurement[] {
  const elapsed = (ups: FirstUp[]) => ups.map(({ s }) => s);
  const cpu = (ups: FirstUp[]) => ups.map(({ usage }) => usage.provider.cpuS);
  const bytes = (ups: FirstUp[]) => ups.map(({ resources }) => bytesOfRealServer(resources));
  const files = (ups: FirstUp[]) => ups.map(({ stateBytes }) => stateBytes);
  const name = (thing: string) => `${bench}/${thing}-${mode}`;
  const [noops, twins] = ["as many no-op resources", "no-ops with our properties"];
  const timing = { unit: "s", ours: elapsed(ours) } as const;
  const sizes = { unit: "bytes", against: twins } as const;
  return [
    { ...timing, name: name("elapsed"), against: noops, peer: elapsed(peer), aim },
    { ...timing, name: name("elapsed-twin"), against: twins, peer: elapsed(twin) },
    { name: name("provider-cpu"), unit: "s", against: twins, ours: cpu(ours), peer: cpu(twin) },
    { ...sizes, name: name("state-per-resource"), ours: bytes(ours), peer: bytes(twin), aim: 1.1 },
    { ...sizes, name: name("state-file"), ours: files(ours), peer: files(twin) },
  ];
}

/** The mean size of a RealServer's entry, as JSON without white space. */
function bytesOfRealServer(resources: readonly StateResource[]): number {
  const sizes = resources
    .filter(({ type }) => type.endsWith(":RealServer"))
    .map((resource) => Buffer.byteLength(JSON.stringify(resource)));
  return sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
}
