import type { Bench, BenchOptions } from "../bench";
import { KEPT, type Keeping } from "../keeping";
import { AgentKeeping } from "../keeping-agent";
import { KeepalivedKeeping } from "../keeping-keepalived";
import type { Measurement } from "../record";
import { interleaved } from "../rounds";
import type { BenchSite } from "../site";
import { duringLoad } from "../steady-load";

const SERVERS = 100;
const FEW = 4;

/** Requests that failed. */
interface Failed {
  readonly change: number;
  readonly restart: number;
}

/** What clients notice of a change of a whole pool, and of a restart. */
export const agentErrors: Bench = {
  about:
    "failed requests while 100 servers are replaced by 100 others, and while the daemon is restarted, against keepalived",
  async run({ rounds, quick, sites, say }: BenchOptions): Promise<Measurement[]> {
    const site = await sites.get(1, quick ? FEW : SERVERS);
    const take = (who: string, keeping: Keeping) => async () => {
      await site.wipe();
      const failed = await failuresOf(site, keeping, (text) => say(`${who}: ${text}`));
      return failed;
    };
    const { ours, peer } = await interleaved<Failed, "ours" | "peer">(rounds, {
      ours: take("agent", new AgentKeeping(site)),
      peer: take("keepalived", new KeepalivedKeeping(site)),
    });
    return (["change", "restart"] as const).map((what) => ({
      name: `agent-errors/${what}`,
      unit: "count",
      against: what === "change" ? "keepalived's reload" : "a restart of keepalived",
      ours: ours.map((failed) => failed[what]),
      peer: peer.map((failed) => failed[what]),
      aim: 0,
    }));
  },
};

/** The pool is every web server, at one of its ports and then at the other. */
async function failuresOf(site: BenchSite, keeping: Keeping, say: (text: string) => void): Promise<Failed> {
  const pool = (port: number) => site.servers.map(({ address }) => ({ address, port }));
  await keeping.start(pool(80));
  try {
    const change = await failuresDuring(site, "the pool replaced", say, () => keeping.replace(pool(8080)));
    const restart = await failuresDuring(site, "restarted", say, () => keeping.restart());
    return { change, restart };
  } finally {
    await keeping.end();
  }
}

async function failuresDuring(
  site: BenchSite,
  what: string,
  say: (text: string) => void,
  work: () => Promise<void>,
): Promise<number> {
  const { requests, failed, errors } = await duringLoad(site, KEPT.address, work);
  say(`${what}: ${failed} of ${requests} requests failed ${JSON.stringify(errors)}`);
  return failed;
}
