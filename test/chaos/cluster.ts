/** A cluster of agents on a lab, as the provider's handlers see it, and what its directors have to hold. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { handlerFor } from "../../provider";
import { InitialisationError, type Properties, type ResourceHandler } from "../../provider/handler";
import { LabEtcd } from "../lab/lab-etcd";
import { Site } from "../lab/site";
import { answers, SETTLE_MS } from "./agents";
import { CHECK } from "./judge";
import { DIRECTORS, MEMBERS, SERVERS } from "./schedule";
import type { Store } from "./store";
import { Variants } from "./variants";

/** Where the load goes. */
export const URL = "http://192.0.2.10/";
/** The agent's program, for people. */
export const COMMAND = "/var/lib/heye/agent/heye-agent";
/** Where services are: under load, one that comes and goes, and one of another program. */
export const ADDRESSES = { web: "192.0.2.10", side: "192.0.2.20", besides: "192.0.2.30" } as const;
/** Nobody's of ours. */
const FOREIGN = ["-A -t 192.0.2.66:80 -s lblc", "-a -t 192.0.2.66:80 -r 10.9.9.9:80 -g -w 7"] as const;
/** Stands in when all others are dead, and is never struck. */
export const SORRY = `rs${SERVERS + 1}`;
/** Of a lab with etcd: agents, members, and what writes to agents' APIs; with less, programs are read from disk again and again. */
const MEMORY_MB = 2_048;
/** Where etcd runs: in no pool. */
const STORES = Array.from({ length: MEMBERS }, (_, index) => `rs${SERVERS + 2 + index}`);

type Mode = "ssh" | "agent";
interface Resource {
  readonly id: string;
  readonly state: Properties;
}

/** What is declared. */
export interface Declared {
  readonly mode: Mode;
  /** Weights of the service under load, by server; one that is missing is not in the pool. */
  readonly web: ReadonlyMap<string, number>;
  /** Of the other service; undefined: there is none. */
  readonly side: ReadonlyMap<string, number> | undefined;
}

/** What is declared at first: all servers alike, and no other service. */
export const BASELINE: Declared = {
  mode: "agent",
  web: new Map(Array.from({ length: SERVERS }, (_, server) => [`rs${server + 1}`, 2])),
  side: undefined,
};

/** The cluster, and two virtual servers: `web`, which is under load, and `side`, which comes and goes. */
export class ChaosCluster {
  readonly #clusters: ResourceHandler;
  readonly #services: ResourceHandler;
  #cluster!: Resource;
  #web!: Resource;
  #side: Resource | undefined;
  /** What is to hold, once it is made. */
  declared: Declared = BASELINE;
  /** How long tables may take to come right. */
  patienceMs = SETTLE_MS;
  readonly variants: Variants;

  private constructor(
    readonly site: Site,
    /** What directors share; undefined: nothing. */
    readonly etcd: LabEtcd | undefined,
  ) {
    this.variants = new Variants(site);
    this.#clusters = handlerFor("Cluster", site.fleet);
    this.#services = handlerFor("VirtualServer", site.fleet);
  }

  static async up(store: Store = "file"): Promise<ChaosCluster> {
    const isShared = store === "etcd";
    const servers = SERVERS + 1 + (isShared ? MEMBERS : 0);
    const memory = isShared ? { memoryMb: MEMORY_MB } : {};
    const site = await Site.up({ directors: DIRECTORS[store], servers, database: false, ...memory });
    try {
      const cluster = new ChaosCluster(site, isShared ? await LabEtcd.up(site.lab, STORES) : undefined);
      await cluster.#begin();
      return cluster;
    } catch (error) {
      await site.down();
      throw error;
    }
  }

  down(): Promise<void> {
    return this.site.down();
  }

  get store(): Store {
    return this.etcd ? "etcd" : "file";
  }

  /** Makes what is declared so. What is refused may stand half made, and is made by the same again. */
  async apply(declared: Declared): Promise<void> {
    const { mode, web, side } = declared;
    if (this.#cluster.state.mode !== mode) await this.settleAgents(mode);
    this.#web = await this.#put("web", this.#web, mode, web);
    if (side) this.#side = await this.#put("side", this.#side, mode, side);
    else if (this.#side) {
      await this.#services.delete(this.#side.id, this.#side.state);
      this.#side = undefined;
    }
    this.declared = declared;
  }

  async #put(
    name: "web" | "side",
    known: Resource | undefined,
    mode: Mode,
    pool: ReadonlyMap<string, number>,
  ): Promise<Resource> {
    const inputs = this.inputsOf(name, mode, pool);
    try {
      if (known) return { id: known.id, state: await this.#services.update(known.id, known.state, inputs) };
      const { id, outputs } = await this.#services.create(inputs);
      return { id, state: outputs };
    } catch (error) {
      // It is there, though it does not work: the engine would keep it.
      if (error instanceof InitialisationError && name === "side")
        this.#side = { id: error.id, state: error.outputs };
      throw error;
    }
  }

  /** Sees to it that agents run everywhere, or nowhere. */
  async settleAgents(mode: Mode = this.declared.mode): Promise<void> {
    const { id, state } = this.#cluster;
    this.#cluster = { id, state: await this.#clusters.update(id, state, this.#clusterInputs(mode)) };
  }

  /** Plants the stranger's service where it is missing: a reboot or a wipe takes it too. */
  async plantForeign(): Promise<void> {
    for (const name of this.site.directorNames) {
      if ((await this.site.table(name)).includes("192.0.2.66")) continue;
      await this.site.lab.exec(name, ["ipvsadm", "--restore"], { stdin: `${FOREIGN.join("\n")}\n` });
    }
  }

  /** Fails unless all directors come to hold what is declared, and the stranger's service. */
  async expectSettled(): Promise<void> {
    const wanted = this.#lines().join("\n");
    await this.expectTables(
      (lines) => lines.join("\n") === wanted,
      () => wanted,
    );
  }

  /** Fails unless these servers come to take no connections on any director. */
  async expectOut(dead: ReadonlySet<string>): Promise<void> {
    await this.expectTables(
      (lines) => this.isOut(lines, dead),
      () => `${[...dead].join(", ")} at weight 0`,
    );
  }

  /** Whether these servers take no connections by the lines of a table. */
  isOut(lines: readonly string[], dead: ReadonlySet<string>): boolean {
    const rules = [...dead].map((server) => ` -r ${this.site.address(server)}:80 `);
    return lines.every((line) => line.endsWith(" -w 0") || !rules.some((rule) => line.includes(rule)));
  }

  /** Fails unless the lines of each director's table, or of these alone, come to be so. */
  async expectTables(
    isSo: (lines: string[]) => boolean,
    wanted: () => string,
    directors: readonly string[] = this.site.directorNames,
  ): Promise<void> {
    const deadline = Date.now() + this.patienceMs;
    for (const director of directors) {
      for (;;) {
        const lines = (await this.site.table(director)).trim().split("\n").sort();
        if (isSo(lines)) break;
        assert.ok(Date.now() < deadline, `${director} has\n${lines.join("\n")}\ninstead of\n${wanted()}`);
        await delay(250);
      }
    }
  }

  /** Waits until every director's agent answers, where there are agents. */
  async awaitAgents(): Promise<void> {
    if (this.#cluster.state.mode !== "agent") return;
    for (const director of this.site.directorNames) await answers(this.site, director, "");
  }

  async #begin(): Promise<void> {
    const { id, outputs } = await this.#clusters.create(this.#clusterInputs("agent"));
    this.#cluster = { id, state: outputs };
    const web = await this.#services.create(this.inputsOf("web", "agent", this.declared.web));
    this.#web = { id: web.id, state: web.outputs };
    await this.plantForeign();
    await this.expectSettled();
  }

  #clusterInputs(mode: Mode): Properties {
    const given = {
      name: "chaos",
      label: "tests Cluster chaos",
      directors: [...this.site.cluster.directors],
      mode,
    };
    // A client's port comes round (the kernel draws anew where to begin every 10 s) while IPVS remembers its last connection,
    // for two minutes: with connection tracking the first packet is dropped then, and without expireNodestConn every one, where
    // that connection's server has been removed meanwhile.
    const { inputs, problems } = this.#clusters.check({
      ...given,
      settings: { conntrack: false, expireNodestConn: true },
      restoreAtBoot: true,
      ...(this.etcd && { etcd: { endpoints: this.etcd.endpoints, prefix: "/heye/chaos" } }),
    });
    assert.deepEqual(problems, []);
    return inputs;
  }

  /** What a service is declared by. */
  inputsOf(name: keyof typeof ADDRESSES, mode: Mode, pool: ReadonlyMap<string, number>): Properties {
    const cluster = { ...this.site.cluster, id: this.#cluster.id, ...(mode === "agent" && { mode }) };
    return this.site.inputs("VirtualServer", {
      ...{ name, cluster, address: ADDRESSES[name], port: 80, scheduler: "wrr" },
      healthCheck: { ...CHECK, forwardingCheck: false },
      realServers: [...pool].map(([server, weight]) => ({
        ...{ address: this.site.address(server), weight, forwarding: "dr", drainMs: 500 },
      })),
      ...(name === "web" &&
        mode === "agent" && {
          sorryServer: { address: this.site.address(SORRY), port: 80, forwarding: "dr" },
        }),
    });
  }

  /** Lines of `ipvsadm --save -n`, sorted. */
  #lines(): string[] {
    const service = (address: string, pool: ReadonlyMap<string, number>) => [
      `-A -t ${address}:80 -s wrr`,
      ...[...pool].map(
        ([server, weight]) => `-a -t ${address}:80 -r ${this.site.address(server)}:80 -g -w ${weight}`,
      ),
    ];
    const { web, side } = this.declared;
    const ours = [...service(ADDRESSES.web, web), ...(side ? service(ADDRESSES.side, side) : [])];
    return [...FOREIGN, ...ours].sort();
  }
}
