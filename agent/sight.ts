import { setImmediate as nextTurn } from "node:timers/promises";
import type { PlaneAnswer } from "../director/data";
import type { Limits, ServiceTraffic } from "../ipvs";
import { type Alarm, alarmsOf } from "./alarms";
import { type Flow, type FlowQuestion, flowsOf } from "./flow/flow";
import { digestNumber, type Sameness, SamenessReader } from "./flow/sameness";
import type { Keeper } from "./keeper";
import type { Kernel } from "./kernel";
import type { Maintenance } from "./maintenance";
import { connectionTableBuckets } from "./metrics/connection-table";
import { renderServers } from "./metrics/families";
import type { Glance } from "./metrics/glance";
import { Instruments } from "./metrics/instruments";
import { registrations } from "./probes";
import { type Fault, faultsOf } from "./readiness";
import { Shared } from "./shared";
import { type Status, statusOf } from "./status";
import type { FileStore } from "./store";

/** How old what several askers share may be. The kernel sums its counters up every 2 s. */
const TRAFFIC_FRESH_MS = 500;
const ORDER_FRESH_MS = 5_000;

/** What {@link Sight} looks at. */
export interface SightParts {
  readonly kernel: Kernel;
  readonly maintenance: Maintenance;
  readonly about: Pick<Status, "version" | "startedAt" | "way">;
  /** `uname -r` */
  readonly release: string;
  /** Where what is declared is kept. */
  readonly store: Pick<FileStore, "fault">;
}

/** How a director stands to what it shares. */
interface Shares {
  readonly answer: PlaneAnswer;
  /** The same, with what others have said of themselves within the last seconds. Fails never. */
  told(): Promise<PlaneAnswer>;
}

/** What an operator sees of an agent. Looks, and changes nothing. */
export class Sight {
  readonly instruments: Instruments;
  #keeper: Keeper | undefined;
  #plane: Shares | undefined;
  readonly #sameness = new SamenessReader();
  readonly #traffic: Shared<readonly ServiceTraffic[]>;
  readonly #order: Shared<Limits>;
  /** Metrics that are being written, with and without those of real servers. */
  readonly #writing = new Map<boolean, Promise<string>>();
  /** What the scrape that is being made tells. */
  #glance: Glance | undefined;

  constructor(private readonly parts: SightParts) {
    const { kernel, about, release } = parts;
    this.#traffic = new Shared(() => kernel.traffic(), TRAFFIC_FRESH_MS);
    this.#order = new Shared(() => kernel.limits(), ORDER_FRESH_MS);
    this.instruments = new Instruments({ version: about.version, kernel: release }, () => this.#glance);
  }

  /**
   * Who keeps the table; until this is said, the agent is starting.
   *
   * @param plane the director's part in what it shares; absent: it shares with nobody
   */
  watch(keeper: Keeper, plane?: Shares): void {
    this.#keeper = keeper;
    this.#plane = plane;
  }

  /** Why nothing should be sent to this director; empty: it may. */
  get faults(): Fault[] {
    return faultsOf(this.#keeper?.view, this.parts.maintenance.state);
  }

  get alarms(): Alarm[] {
    const { maintenance, store } = this.parts;
    if (!this.#keeper) return [];
    const alarms = alarmsOf(this.#keeper.view, maintenance.state, this.#plane?.answer);
    return store.fault === undefined ? alarms : [...alarms, { alarm: "registry", detail: store.fault }];
  }

  /** Everything at a glance. Where the kernel does not tell its order, that says so among the alarms, and nothing is missing else. */
  async status(): Promise<Status> {
    const { maintenance, about } = this.parts;
    const keeper = this.#kept();
    const plane = await this.#plane?.told();
    const sameness = await this.#readSameness(keeper);
    const status = statusOf(keeper, about, plane);
    const digests = keeper.lastDigests;
    return {
      ...status,
      ready: this.faults.length === 0,
      ...(maintenance.state && { maintenance: maintenance.state }),
      alarms: this.alarms,
      ...(digests && { digests: { ...digests, ...(sameness && { choice: sameness.digest }) } }),
      services: status.services.map((one) => {
        const digest = sameness?.services.get(one.service);
        return digest === undefined ? one : { ...one, digest };
      }),
    };
  }

  /** What every virtual and real server carries. Throws KernelError. */
  traffic(): Promise<readonly ServiceTraffic[]> {
    return this.#traffic.get();
  }

  /** Where a flow goes. Throws KernelError. */
  async flows(question: FlowQuestion): Promise<Flow[]> {
    const { view } = this.#kept();
    return flowsOf(view, await this.parts.kernel.limits(), question);
  }

  /**
   * All metrics, in Prometheus' text format. A kernel that does not answer makes its counters absent, not the rest.
   *
   * @param withServers whether real servers are told, or virtual servers alone
   */
  metrics(withServers: boolean): Promise<string> {
    // Written once for all who ask meanwhile: each by itself would make checks late.
    const writing =
      this.#writing.get(withServers) ??
      this.#writeMetrics(withServers).finally(() => this.#writing.delete(withServers));
    this.#writing.set(withServers, writing);
    return writing;
  }

  async #writeMetrics(withServers: boolean): Promise<string> {
    const keeper = this.#kept();
    const traffic = await this.#traffic.get().catch(() => undefined);
    this.#glance = this.#look(keeper, traffic, await this.#readSameness(keeper));
    const parts = [await this.instruments.registry.metrics()];
    const carried = new Map(traffic?.map((one) => [one.service, one]));
    const { services } = statusOf(keeper, this.parts.about);
    const rows = services.map((status) => ({ status, traffic: carried.get(status.service) }));
    for (const part of renderServers(rows, withServers)) {
      parts.push(part);
      // Checks have their turn: with 10,000 servers all of this takes long enough to make them late.
      await nextTurn();
    }
    return parts.join("");
  }

  #look(
    keeper: Keeper,
    traffic: readonly ServiceTraffic[] | undefined,
    sameness: Sameness | undefined,
  ): Glance {
    const digests = keeper.lastDigests;
    const connections = traffic?.reduce(
      (sum, { destinations }) => destinations.reduce((all, one) => all + one.active + one.inactive, sum),
      0,
    );
    return {
      view: keeper.view,
      faults: this.faults,
      maintenance: this.parts.maintenance.state,
      digests: digests && {
        registry: digestNumber(digests.registry),
        table: digestNumber(digests.table),
        choice: sameness && digestNumber(sameness.digest),
      },
      plane: this.#plane?.answer,
      connections,
      buckets: connectionTableBuckets(),
      isRegistryTouched: this.parts.store.fault !== undefined,
    };
  }

  /** Undefined: the kernel does not tell its order. */
  async #readSameness({ view }: Keeper): Promise<Sameness | undefined> {
    const all = registrations(view.pools.registry);
    const hashes = view.seen.some(({ scheduler }) => scheduler === "mh" || scheduler === "sh");
    const order = hashes ? await this.#order.get().catch(() => undefined) : new Map();
    return order && this.#sameness.read(view.seen, all, order);
  }

  #kept(): Keeper {
    if (!this.#keeper) throw new Error("the agent is starting");
    return this.#keeper;
  }
}
