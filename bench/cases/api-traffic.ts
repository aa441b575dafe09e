import { join } from "node:path";
import { AGENT_SOCKET } from "../../director/data";
import { PROJECT_ROOT } from "../../setup/project";
import { checked, measurementsOf } from "../api/measured";
import type { ApiOrder, Met } from "../api/order";
import { type Bench, BenchError, type BenchOptions } from "../bench";
import { KEPT } from "../keeping";
import { AgentKeeping } from "../keeping-agent";
import type { Measurement } from "../record";
import type { BenchSite } from "../site";
import { duringLoad } from "../steady-load";

/** Web servers of the virtual server that requests go to. */
const SERVERS = 8;
const FEW = 4;
const FULL = { plan: { virtualServers: 100, servers: 10 }, durationMs: 60_000 };
const SMALL = { plan: { virtualServers: 5, servers: 2 }, durationMs: 3_000 };
const TIMEOUT_MS = 300_000;

/** What one round came to. */
interface Round {
  readonly met: Met;
  readonly failed: number;
}

/** That traffic is left alone while an agent's API is asked as much as it can answer, on a real kernel. See docs/bench.md. */
export const apiTraffic: Bench = {
  about:
    "failed requests while an agent's API makes 50 changes a second for a minute and is read as fast as it answers, on a real kernel",
  async run({ rounds, quick, sites, say }: BenchOptions): Promise<Measurement[]> {
    const site = await sites.get(1, quick ? FEW : SERVERS);
    const all: Round[] = [];
    for (let round = 0; round < rounds; round++) {
      await site.wipe();
      all.push(await once(site, quick ? SMALL : FULL, say));
    }
    const failed = { against: "nothing comparable", ours: all.map((one) => one.failed), peer: [], aim: 0 };
    const mets = all.map(({ met }) => met);
    return [{ name: "api-traffic/failed", unit: "count", ...failed }, ...measurementsOf("api-traffic", mets)];
  },
};

async function once(site: BenchSite, load: typeof FULL, say: (text: string) => void): Promise<Round> {
  const servers = site.servers.slice(0, SERVERS);
  const pool = servers.map(({ address }) => ({ address, port: KEPT.port }));
  const keeping = new AgentKeeping(site);
  await keeping.start(pool);
  try {
    const mets: Met[] = [];
    const order: ApiOrder = {
      ...{ socketPath: AGENT_SOCKET, table: "kernel", ...load },
      busy: { ...KEPT, members: servers.map(({ name, address }) => ({ name, address, port: KEPT.port })) },
    };
    const { requests, failed, errors } = await duringLoad(site, KEPT.address, async () => {
      mets.push(checked(await clientsOn(site, order), say));
    });
    say(`${failed} of ${requests} requests failed ${JSON.stringify(errors)}`);
    return { met: mets[0] as Met, failed };
  } finally {
    await keeping.end();
  }
}

/** The clients run on the director, in its network and beside its agent: the lab's guest has one core for all. */
async function clientsOn(site: BenchSite, order: ApiOrder): Promise<Met> {
  const director = site.directors[0]?.name ?? "";
  const argv = [process.execPath, join(PROJECT_ROOT, "dist", "bench", "api", "clients.js")];
  const { code, stdout, stderr } = await site.lab.exec(director, argv, {
    stdin: JSON.stringify(order),
    timeoutMs: TIMEOUT_MS,
  });
  if (code !== 0) throw new BenchError(`the API's clients on ${director}: status ${code}: ${stderr}`);
  return JSON.parse(stdout) as Met;
}
