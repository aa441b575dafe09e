import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { agentConfigText } from "../../director/data";
import { PROJECT_ROOT } from "../../setup/project";
import { LabEtcd } from "../../test/lab/lab-etcd";
import { BenchError } from "../bench";
import type { Spread, SpreadOrder, SpreadStep } from "../guest/spread";
import type { BenchSite } from "../site";
import { type Counted, countsOf, type EtcdCounts } from "./counts";

/** What its unit and the provider's installer would do. Its configuration comes on standard input. */
const START = `
set -e
umask 077
mkdir -p /var/lib/heye/agent /run/heye
cat >/var/lib/heye/agent/agent.json
rm -f /run/heye/agent.ready
setsid "$1" "$2" run >/run/heye/agent.log 2>&1 </dev/null &`;
const READY = "until [ -s /run/heye/agent.ready ]; do sleep 0.2; done";
const END = "kill -KILL $(pgrep -f '[h]eye-agent.js run') 2>/dev/null || :";
/** All start at the same time, on one processor. */
const START_MS = 300_000;
const SPREAD_MS = 600_000;
/** Members of etcd: as many as bear the loss of one. */
export const MEMBERS = 3;

/** Agents on all directors of a site that share an etcd on its servers. */
export class SharingAgents {
  private constructor(
    private readonly site: BenchSite,
    private readonly etcd: LabEtcd,
  ) {}

  /** Starts etcd on the first servers, and agents on directors that hold nothing. */
  static async up(site: BenchSite): Promise<SharingAgents> {
    const names = site.servers.slice(0, MEMBERS).map(({ name }) => name);
    const agents = new SharingAgents(site, await LabEtcd.up(site.lab, names));
    try {
      await agents.#start();
      return agents;
    } catch (error) {
      await agents.down();
      throw error;
    }
  }

  /** Ends all of it; what directors hold stays. */
  async down(): Promise<void> {
    for (const { name } of this.site.directors) await this.site.lab.exec(name, ["sh", "-c", END]);
    await this.etcd.down();
  }

  /** Makes changes through one director's API, one after the other, and sees them come to all. */
  async spread(steps: readonly SpreadStep[], pauseMs: number): Promise<Spread[]> {
    const order: SpreadOrder = { directors: this.site.directors.length, steps, pauseMs };
    const argv = [process.execPath, join(PROJECT_ROOT, "dist", "bench", "guest", "spread.js")];
    const how = { stdin: JSON.stringify(order), timeoutMs: SPREAD_MS };
    const { code, stdout, stderr } = await this.site.lab.exec("client", argv, how);
    if (code !== 0) throw new BenchError(`changes through an agent's API: status ${code}: ${stderr}`);
    return JSON.parse(stdout) as Spread[];
  }

  /** What etcd is asked for while something is done, and for some time after it: directors tell of it then. */
  async count(work: () => Promise<unknown>, settleMs: number): Promise<Counted> {
    const before = await this.#counts();
    const began = performance.now();
    await work();
    await delay(settleMs);
    const s = (performance.now() - began) / 1000;
    const after = await this.#counts();
    return { s, puts: after.puts - before.puts, bytes: after.bytes - before.bytes };
  }

  async #counts(): Promise<EtcdCounts> {
    const told: string[] = [];
    for (const name of this.etcd.names) told.push(await this.etcd.metrics(name));
    return countsOf(told);
  }

  async #start(): Promise<void> {
    const { lab, directors } = this.site;
    const program = [process.execPath, join(PROJECT_ROOT, "dist", "agent", "heye-agent.js")];
    for (const { name } of directors) {
      const etcd = { endpoints: this.etcd.endpoints, prefix: "/heye/bench" };
      const stdin = agentConfigText({ director: name, etcd });
      const { code, stderr } = await lab.exec(name, ["sh", "-c", START, "sh", ...program], { stdin });
      if (code !== 0) throw new BenchError(`an agent could not be started on ${name}: ${stderr}`);
    }
    for (const { name } of directors) await lab.exec(name, ["sh", "-c", READY], { timeoutMs: START_MS });
  }
}
