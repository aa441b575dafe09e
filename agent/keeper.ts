import {
  AGENT_PROTOCOL,
  type ChangeAnswer,
  type ChangeOrder,
  type Digests,
  duringRegistry,
  joinLines,
  mergeDelta,
  registryLines,
  renderRegistry,
  type StateAnswer,
  type TableText,
} from "../director/data";
import type { Dial, ServerHealth } from "../health";
import { describeEdit, type Edit } from "../ipvs";
import type { Kernel } from "./kernel";
import type { Log } from "./log";
import { Pools, readRegistry } from "./pools";
import { registrations } from "./probes";
import type { Journal, Store } from "./store";
import { Turns } from "./turns";
import { Watch } from "./watch";

/** What a director is besides its table. */
export interface Host {
  readonly kernel: string;
  readonly ipvsadm: string;
}

/** What the keeper needs. */
export interface KeeperParts {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly dial: Dial;
  readonly log: Log;
  readonly host: Host;
  /** Makes the addresses of virtual servers stand where the cluster wants them; returns what could not be. */
  readonly place: () => Promise<string>;
}

/** A change could not be taken on, because it could not be made durable. Nothing of it was made. */
export class NotDurableError extends Error {
  constructor(cause: Error) {
    super(cause.message);
    this.name = "NotDurableError";
  }
}

/** Transitions that come together are written down together. */
const RECORD_DELAY_MS = 200;
/** Edits of one batch that are written out in the log. */
const EDITS_SHOWN = 20;

/**
 * The one owner of a director's table: what is declared, and the health of the servers, become entries in the kernel, and
 * stay so. One thing is done at a time. What nobody registered is never touched.
 *
 * A change is durable before the kernel is edited (the journal) and carried out after any crash. The registry holds
 * what is declared; a server's health changes the kernel and never the registry.
 */
export class Keeper {
  readonly #turns = new Turns();
  readonly #pools: Pools;
  /** The table as it was left; another one has been changed by somebody else. undefined: it has to be looked at. */
  #left: string | undefined;
  #repairs = 0;
  #drift: readonly string[] = [];
  #reconciledAt = 0;
  #trouble: string | undefined;
  #recording: NodeJS.Timeout | undefined;
  #heeding = false;
  /** How often a server went down or came back: a table that was worked out before that is not to be left as it is. */
  #heeded = 0;

  private constructor(
    private readonly parts: KeeperParts,
    record: Pools["record"],
  ) {
    const watch = new Watch(parts.dial, record.down, (key, health) => this.#heed(key, health));
    this.#pools = new Pools(watch, record, (service, up) => {
      parts.log.warn({ event: "quorum", service, up }, up ? "quorum" : "no quorum");
      this.#recordSoon();
    });
  }

  /**
   * Takes up what an earlier agent left: ends the change that it had begun, and goes on from the health that it knew.
   *
   * @throws RegistryError, KernelError; nothing has been touched then
   */
  static async start(parts: KeeperParts): Promise<Keeper> {
    const { registry, journal, health } = await parts.store.load();
    const keeper = new Keeper(parts, health ?? { down: {}, lost: [], drains: [] });
    const pools = keeper.#pools;
    pools.adopt(registry);
    // Nothing is known of any server: whoever takes connections in the kernel is taken for healthy, and nobody else.
    if (!health) pools.watch.believe(pools.registry, (await parts.kernel.read()).table);
    pools.follow();
    if (journal) {
      parts.log.warn({ event: "resume", scope: journal.scope }, "a change that was cut short is carried out");
      await keeper.#carryOut(journal, await parts.kernel.read());
    }
    await keeper.reconcile();
    return keeper;
  }

  /** What the director holds; parts that the asker knows by their digests are left out. */
  state(known: Digests): Promise<StateAnswer> {
    return this.#turns.take(async () => this.#answer(await this.parts.kernel.read(), known));
  }

  /**
   * Makes a change where the director holds what it was computed from. Servers that it lets in have passed their gate.
   *
   * @throws NotDurableError, RegistryError: nothing of it was made; any other error: it is made as soon as it can be
   */
  change({ expect, predict, registry, scope, desired }: ChangeOrder): Promise<ChangeAnswer> {
    return this.#turns.take(async () => {
      const text = await this.parts.kernel.read();
      const state = this.#answer(text, expect);
      if (state.digests.registry !== expect.registry || state.digests.table !== expect.table)
        return { outcome: "changed", state, messages: "" };
      const after = joinLines(mergeDelta(registryLines(this.#pools.registry), registry).values());
      const messages = await this.#make({ after, scope, desired }, text);
      return { outcome: "applied", state: this.#answer(await this.parts.kernel.read(), predict), messages };
    });
  }

  /** Makes the kernel hold what it is to hold. */
  reconcile(): Promise<void> {
    return this.#turns.take(() => this.#reconcile());
  }

  /**
   * Drains servers, or ends the drains that were asked for here. What they are declared as stays.
   *
   * @param service key of a virtual server; undefined: all that have the server
   * @returns the virtual servers that it concerns
   */
  drain(server: string, service: string | undefined, wanted: "start" | "end"): Promise<string[]> {
    return this.#turns.take(async () => {
      const concerned = this.#pools.having(server, service);
      const services = concerned.map((one) => one.service);
      if (wanted === "start") this.#pools.drains.start(concerned, Date.now());
      else this.#pools.drains.end(concerned);
      await this.#record();
      this.#left = undefined;
      await this.#reconcile();
      this.parts.log.info({ event: "drain", server, wanted, services }, `drain: ${wanted}`);
      return services;
    });
  }

  /** What is being kept, for people. */
  get view() {
    return {
      pools: this.#pools as Pick<Pools, "registry" | "watch" | "lost" | "drains">,
      repairs: this.#repairs,
      drift: this.#drift,
      reconciledAt: this.#reconciledAt,
      trouble: this.#trouble,
    };
  }

  /** Stops checking, and writes down what is known. The kernel goes on as it is. */
  async stop(): Promise<void> {
    clearTimeout(this.#recording);
    // Before the watch ends: it forgets what it watched.
    await this.#turns.take(() => this.#record());
    await this.#pools.watch.stop();
  }

  /** Takes a change on, and carries it out. Returns what the kernel's tools complained of. */
  async #make(journal: Journal, text: TableText): Promise<string> {
    // Before anything is written down that nobody could read.
    readRegistry(journal.after);
    await this.parts.store.begin(journal).catch((error: Error) => {
      throw new NotDurableError(error);
    });
    return this.#carryOut(journal, text);
  }

  async #carryOut(journal: Journal, text: TableText): Promise<string> {
    const before = this.#pools.registry;
    this.#left = undefined;
    // From here on servers that were let in are checked, and count as healthy until they fail.
    this.#pools.adopt(journal.after);
    this.#pools.follow();
    const edits = this.#pools.changes(journal, before, text);
    const complaint = await this.parts.kernel.write(edits);
    // What is still there of what was to go stays owned: the registry of before and after together.
    if (complaint !== "") this.#pools.adopt(renderRegistry(duringRegistry(before, this.#pools.registry)));
    await this.parts.store.commit(this.#pools.text);
    this.#log("change", edits, complaint);
    this.#recordSoon();
    return [complaint, await this.parts.place()].filter((words) => words !== "").join("\n");
  }

  async #reconcile(): Promise<void> {
    try {
      await this.#endDrains();
      const text = await this.parts.kernel.read();
      const now = joinLines(text.lines);
      this.#reconciledAt = Date.now();
      if (now === this.#left) return;
      const isDrift = this.#left !== undefined;
      const heeded = this.#heeded;
      const { edits, drift } = this.#pools.due(text);
      const complaint = await this.parts.kernel.write(edits);
      if (isDrift) this.#repairs += edits.length;
      this.#log(isDrift ? "repair" : "settle", edits, complaint);
      this.#tell(drift);
      // What the kernel did not take is tried again at the next look.
      this.#trouble = complaint || undefined;
      const left = joinLines((await this.parts.kernel.read()).lines);
      this.#left = complaint || heeded !== this.#heeded ? undefined : left;
    } catch (error) {
      this.#trouble = error instanceof Error ? error.message : String(error);
      this.parts.log.error({ event: "reconcile", error: this.#trouble }, "the table could not be kept");
      this.#left = undefined;
    }
  }

  /** Ends the drains of changes that whoever made them has not ended: he was killed. */
  async #endDrains(): Promise<void> {
    const { drains, registry } = this.#pools;
    if (!drains.all.some(({ by }) => by === "change")) return;
    const over = drains.due(registrations(registry), await this.parts.kernel.counts(), Date.now());
    if (over.length === 0) return;
    const scope = [...new Set(over.map(({ service }) => service))];
    const servers = over.map(({ server }) => server);
    await this.#make({ after: this.#pools.drained(over), scope }, await this.parts.kernel.read());
    this.parts.log.info({ event: "drained", servers }, "drains are over");
  }

  #answer(text: TableText, known: Digests): StateAnswer {
    const { table, digests } = this.#pools.nominal(text);
    return {
      protocol: AGENT_PROTOCOL,
      ...this.parts.host,
      digests,
      ...(digests.registry !== known.registry && { registry: this.#pools.text }),
      ...(digests.table !== known.table && { table: table.lines }),
    };
  }

  /** A server went down or came back. */
  #heed(key: string, { healthy, answer }: ServerHealth): void {
    const event = healthy ? "up" : "down";
    this.parts.log.warn({ event, probe: key, answer }, `server is ${event}`);
    this.#left = undefined;
    this.#heeded++;
    this.#recordSoon();
    if (this.#heeding) return;
    this.#heeding = true;
    void this.#turns.take(() => {
      this.#heeding = false;
      return this.#reconcile();
    });
  }

  #recordSoon(): void {
    this.#recording ??= setTimeout(() => {
      this.#recording = undefined;
      void this.#turns.take(() => this.#record());
    }, RECORD_DELAY_MS).unref();
  }

  async #record(): Promise<void> {
    await this.parts.store.saveHealth(this.#pools.record).catch((error: Error) => {
      this.parts.log.error({ event: "record", error: error.message }, "health could not be written down");
    });
  }

  #tell(drift: readonly string[]): void {
    if (drift.length > 0 && drift.join() !== this.#drift.join())
      this.parts.log.warn(
        { event: "drift", shown: drift.slice(0, EDITS_SHOWN) },
        "somebody changed the table",
      );
    this.#drift = drift;
  }

  #log(event: string, edits: readonly Edit[], complaint: string): void {
    if (edits.length === 0 && complaint === "") return;
    const shown = edits.slice(0, EDITS_SHOWN).map(describeEdit);
    const words = { event, edits: edits.length, shown, ...(complaint && { complaint }) };
    this.parts.log.info(words, `${event}: ${edits.length} edits`);
  }
}
