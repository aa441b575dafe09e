import type { Bench, BenchOptions } from "../bench";
import type { Plan } from "../plan";
import type { Measurement } from "../record";
import { interleaved } from "../rounds";
import { BenchStack, type ProgramName, type Run } from "../stack";

/** 1,000 RealServers. */
const FULL: Plan = { virtualServers: 100, servers: 10 };
const SMALL: Plan = { virtualServers: 2, servers: 3 };

/** What looking costs, once everything is there: at inputs and state (preview), at all directors (refresh). */
export const refreshPreview: Bench = {
  about:
    "pulumi preview and pulumi refresh of 1,000 RealServers on 3 directors, against as many no-op resources",
  async run(options: BenchOptions): Promise<Measurement[]> {
    const plan = options.quick ? SMALL : FULL;
    const site = await options.sites.get(3);
    const { directors } = site;
    const stacks = {
      ours: await made("separate", { directors, plan }),
      peer: await made("noop", { count: 1 + plan.virtualServers * (1 + plan.servers) }),
      twin: await made("separate", { directors, plan, twin: true }),
    };
    try {
      const previews = await measure("preview", stacks, options);
      const refreshes = await measure("refresh", stacks, options);
      await site.expectTables(plan.virtualServers, plan.virtualServers * plan.servers);
      return [...previews, ...refreshes];
    } finally {
      for (const stack of Object.values(stacks)) await stack.remove();
    }
  },
};

type Contestant = "ours" | "peer" | "twin";

async function made(program: ProgramName, parameters: object): Promise<BenchStack> {
  const stack = await BenchStack.create(program, parameters, false);
  await stack.up();
  return stack;
}

async function measure(
  operation: "preview" | "refresh",
  stacks: Readonly<Record<Contestant, BenchStack>>,
  { rounds, say }: BenchOptions,
): Promise<Measurement[]> {
  const once = (who: Contestant) => async () => {
    const run = await stacks[who][operation]();
    say(`${operation}, ${who}: ${run.s.toFixed(1)} s`);
    return run;
  };
  const { ours, peer, twin } = await interleaved<Run, Contestant>(rounds, {
    ours: once("ours"),
    peer: once("peer"),
    twin: once("twin"),
  });
  const elapsed = (runs: Run[]) => runs.map(({ s }) => s);
  const name = `refresh-preview/${operation}`;
  const both = { unit: "s", ours: elapsed(ours) } as const;
  return [
    { ...both, name, against: "as many no-op resources", peer: elapsed(peer) },
    { ...both, name: `${name}-twin`, against: "no-ops with our properties", peer: elapsed(twin) },
  ];
}
