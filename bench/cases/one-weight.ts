import type { Bench, BenchOptions } from "../bench";
import { type Plan, servicesOf } from "../plan";
import type { Measurement } from "../record";
import type { Passage } from "../relay";
import { interleaved } from "../rounds";
import { BenchSite } from "../site";
import { readOnce } from "../ssh";
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
    const site = await BenchSite.up(3);
    const parameters = { directors: site.counted, plan };
    const stack = await BenchStack.create("inline", parameters, false);
    try {
      await stack.up();
      return await measure(site, stack, parameters, options);
    } finally {
      await stack.remove();
      await site.down();
    }
  },
};

interface Taken {
  readonly s: number;
  /** What passed to and from each director. */
  readonly passages: readonly Passage[];
}

async function measure(
  site: BenchSite,
  stack: BenchStack,
  parameters: { readonly plan: Plan },
  { rounds, say }: BenchOptions,
): Promise<Measurement[]> {
  const { plan } = parameters;
  const up = async (weight: number): Promise<Taken> => {
    await stack.use({ ...parameters, firstWeight: weight });
    site.passages();
    const { s } = await stack.up();
    await site.expectTables(plan.virtualServers, plan.virtualServers * plan.servers, firstRule(plan, weight));
    return { s, passages: site.passages() };
  };
  const { ours, peer, bare } = await interleaved<Taken, "ours" | "peer" | "bare">(rounds, {
    ours: async (round) => told(say, "one weight", await up(round + 2)),
    peer: async (round) => told(say, "no change", await up(round + 2)),
    bare: async () => {
      site.passages();
      await Promise.all(site.counted.map(readOnce));
      return { s: 0, passages: site.passages() };
    },
  });
  if (peer.some(({ passages }) => passages.some(({ connections }) => connections > 0)))
    say("the up without changes logged in to directors");
  const elapsed = (taken: Taken[]) => taken.map(({ s }) => s);
  const against = "the up without changes";
  return [
    { name: "one-weight/elapsed", unit: "s", against, ours: elapsed(ours), peer: elapsed(peer) },
    ...trafficOf(
      "one-weight",
      ours.flatMap(({ passages }) => passages),
      bare.flatMap(({ passages }) => passages),
    ),
  ];
}

function told(say: (text: string) => void, what: string, taken: Taken): Taken {
  const { s, passages } = taken;
  const [first] = passages;
  const { connections = 0, bytesSent = 0, bytesReceived = 0, turns = 0 } = first ?? {};
  const logins = `${connections} logins, ${turns} turns, ${bytesSent} bytes out, ${bytesReceived} in`;
  say(`${what}: ${s.toFixed(1)} s; first director: ${logins}`);
  return taken;
}

function firstRule(plan: Plan, weight: number): string | undefined {
  const [service] = servicesOf(plan);
  const [member] = service?.members ?? [];
  if (!service || !member) return undefined;
  return `-a -t ${service.address}:${service.port} -r ${member.address}:${member.port} -m -w ${weight}`;
}
