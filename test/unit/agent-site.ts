/** An agent on a model of the kernel, with real files, a real socket and the real client: all but IPVS and SSH. */
import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import * as net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileStore, Keeper, type Store } from "../../agent";
import { type ApiHandler, apiOf, type Gate } from "../../agent/api";
import { EVENTS_KEPT } from "../../agent/api/limits";
import { EventRing, telling } from "../../agent/events";
import type { Kernel } from "../../agent/kernel";
import { type Log, noLog } from "../../agent/log";
import { Maintenance } from "../../agent/maintenance";
import { Participant } from "../../agent/plane/participant";
import { maintenanceRoutes, routesOf } from "../../agent/routes";
import { listen } from "../../agent/server";
import { Sight } from "../../agent/sight";
import { Director, type Member, type Registration } from "../../director";
import type { ForwardingProber, SharedEtcd } from "../../director/data";
import type { SessionPool } from "../../director/session-pool";
import { readTableText, type TableText } from "../../director/table-text";
import { type Dial, directDial } from "../../health";
import {
  type ConnectionCount,
  destinationKey,
  type Edit,
  type Limits,
  parseTable,
  renderTable,
  type ServiceTraffic,
  serviceKey,
  type Table,
} from "../../ipvs";
import { type HealthCheck, healthCheck } from "../../spec";
import { applyEdit } from "./model-kernel";

/** The kernel of {@link applyEdit} as an agent reads and writes it; it survives its agents. */
export class ModelledKernel implements Kernel {
  table: Table = [];
  /** Every edit, in order. */
  readonly edits: Edit[] = [];
  /** Called before each batch of edits. */
  before: () => void = () => undefined;

  async read(): Promise<TableText> {
    return readTableText(
      renderTable(this.table)
        .split("\n")
        .filter((line) => line !== "")
        .sort(),
    );
  }

  /** Connections of servers; those that are not named have none. */
  counts: readonly ConnectionCount[] = [];

  async connections(): Promise<readonly ConnectionCount[]> {
    return this.counts;
  }

  async write(edits: readonly Edit[]): Promise<string> {
    this.before();
    for (const edit of edits) {
      this.table = applyEdit(this.table, edit);
      this.edits.push(edit);
    }
    return "";
  }

  async limits(): Promise<Limits> {
    return new Map(
      this.table.map((service) => [
        serviceKey(service),
        new Map(
          service.destinations.map((one) => [destinationKey(one), one.thresholds ?? { upper: 0, lower: 0 }]),
        ),
      ]),
    );
  }

  /** As if nothing had come. */
  async traffic(): Promise<readonly ServiceTraffic[]> {
    const none = { connections: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 };
    return this.table.map((service) => ({
      service: serviceKey(service),
      ...none,
      destinations: service.destinations.map((one) => ({
        ...{ destination: destinationKey(one), weight: one.weight, active: 0, inactive: 0, persistent: 0 },
        ...none,
      })),
    }));
  }

  /** Its lines, sorted. */
  get lines(): string[] {
    return renderTable(this.table)
      .split("\n")
      .filter((line) => line !== "")
      .sort();
  }

  /** As somebody else would edit it. */
  set(text: string): void {
    this.table = parseTable(text);
  }
}

/** A check quick enough for a test. */
export const QUICK = healthCheck.parse({
  type: "tcp",
  intervalMs: 20,
  timeoutMs: 500,
  rise: 2,
  fall: 2,
}) as HealthCheck;

const NEAR: ForwardingProber = { probe: async () => "local" };

/** What stands between an agent and the things it works with. */
export interface Disturbance {
  readonly store?: (store: Store) => Store;
  readonly kernel?: (kernel: Kernel) => Kernel;
  readonly dial?: Dial;
  /** Who asks servers that the API lets in. */
  readonly gate?: Gate;
  /** Who sets up connections by way of virtual addresses. Default: nobody has to, each server is the director itself. */
  readonly prober?: ForwardingProber;
  /** Places addresses. Default: there are none. */
  readonly place?: () => Promise<string>;
  /** How long a client of the API may leave an answer lying, in milliseconds. */
  readonly stalledMs?: number;
}

/** A director with an agent, for one test. */
export class AgentSite {
  name = "d1";
  readonly folder = mkdtempSync(join(tmpdir(), "heye-agent-"));
  readonly kernel = new ModelledKernel();
  keeper!: Keeper;
  sight!: Sight;
  log: Log = noLog();
  api!: ApiHandler;
  /** What it shares with others by; absent: nothing. */
  etcd: SharedEtcd | undefined;
  /** How often it looks at that without a hint, in milliseconds. */
  lookMs = 300;
  /** When it has booted, by a name. */
  boot = "the first";
  plane: Participant | undefined;
  store!: FileStore;
  #server: Server | undefined;
  #runs = 0;

  static async up(
    setUp: (site: AgentSite) => void = () => undefined,
    disturbance: Disturbance = {},
  ): Promise<AgentSite> {
    const site = new AgentSite();
    setUp(site);
    await site.start(disturbance);
    return site;
  }

  /** Where the agent answers. */
  get socket(): string {
    return join(this.folder, "agent.sock");
  }

  /** A director as the provider sees it. Each one is a process of its own: it knows nothing. */
  director(): Director {
    const session = { openUnixSocket: async () => dialled(this.socket) };
    const pool = { get: async () => session } as unknown as SessionPool;
    return new Director(this.name, { host: "192.0.2.11", user: "root" }, pool, "agent");
  }

  async start({
    store,
    kernel,
    dial = directDial(),
    gate,
    prober = NEAR,
    place = async () => "",
    stalledMs,
  }: Disturbance = {}): Promise<void> {
    const events = new EventRing(String(++this.#runs), EVENTS_KEPT);
    const log = telling(this.log, events);
    const files = new FileStore(this.folder, this.boot);
    this.store = files;
    const maintenance = await Maintenance.load(this.folder);
    const about = { version: "test", startedAt: Date.now() };
    this.sight = new Sight({ kernel: this.kernel, maintenance, about, release: "6.12.0", store: files });
    this.keeper = await Keeper.start({
      store: store?.(files) ?? files,
      kernel: kernel?.(this.kernel) ?? this.kernel,
      dial,
      log,
      host: { kernel: "6.12.0", ipvsadm: "ipvsadm v1.31" },
      place,
      isShared: this.etcd !== undefined,
      observer: this.sight.instruments,
    });
    this.plane = this.etcd && this.#participant(this.etcd);
    const { keeper, sight, plane } = this;
    sight.watch(keeper, plane);
    const routes = { ...routesOf(keeper, dial, plane), ...maintenanceRoutes(maintenance, log) };
    const parts = { keeper, dial, prober, log, events, sight, plane, version: "test" };
    this.api = apiOf({ ...parts, ...(gate && { gate }), stalledMs });
    this.#server = await listen(
      this.socket,
      () => routes,
      log,
      () => this.api,
    );
    plane?.start();
  }

  #participant(etcd: SharedEtcd): Participant {
    const { keeper, log, folder: state, name: director, lookMs } = this;
    return new Participant({ config: { director, etcd }, state, version: "test", keeper, log, lookMs });
  }

  /** Ends the agent in order. */
  async stop(): Promise<void> {
    this.#hangUp();
    await this.plane?.stop();
    await this.keeper.stop();
  }

  /** Ends what a kill of its process would end; what stood between it and its files has seen to it that it writes nothing more. */
  async kill(): Promise<void> {
    this.#hangUp();
    // It takes leave of the others, too: that spares them its lease.
    await this.plane?.stop();
    await this.keeper.view.pools.watch.stop();
  }

  #hangUp(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.#server = undefined;
  }

  async down(): Promise<void> {
    if (this.#server) await this.stop();
    rmSync(this.folder, { recursive: true });
  }
}

async function dialled(path: string): Promise<net.Socket> {
  const socket = net.connect(path);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", () => resolve());
    socket.once("error", reject);
  });
  return socket.on("error", () => undefined);
}

/** What a virtual server with these members is registered as. */
export function virtualServer(
  members: readonly Member[],
  settings: Partial<Registration> = {},
): Registration {
  return {
    protocol: "tcp",
    address: "192.0.2.1",
    port: 80,
    resource: "web",
    token: "t1",
    scheduler: "rr",
    pool: "inline",
    healthCheck: QUICK,
    members,
    ...settings,
  } as Registration;
}

/** Waits until something is so; fails with the reason that it gives when it is not within 5 s. */
export async function until(isSo: () => boolean, what: () => string): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    if (tries > 500) throw new Error(`not within 5 s: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
