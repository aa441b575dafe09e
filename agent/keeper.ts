import { isDeepStrictEqual } from "node:util";
import {
  AGENT_PROTOCOL,
  type ChangeAnswer,
  type ChangeOrder,
  type Digests,
  duringRegistry,
  joinLines,
  mergeDelta,
  readTableText,
  registryDelta,
  registryLines,
  renderRegistry,
  type StateAnswer,
  type TableText,
} from "../director/data";
import type { Dial, Probe, ServerHealth } from "../health";
import { findService, type Limits, type Table } from "../ipvs";
import { realServerKey } from "../spec";
import { believed } from "./belief";
import { EditLog } from "./edit-log";
import { foreseen } from "./foreseen";
import type { Kernel } from "./kernel";
import type { Log } from "./log";
import { type Observer, UNOBSERVED } from "./observer";
import type { Left } from "./plane/plane";
import { changedKeys, withoutStrangers } from "./plane/strangers";
import { Pools } from "./pools";
import { registrations } from "./probes";
import { readRegistry } from "./registry-file";
import type { Journal, Store } from "./store";
import { Turns, TurnsOverError } from "./turns";
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
  /** What is declared is agreed on with other directors: then nothing of it is changed here by the keeper's own decision. */
  readonly isShared?: boolean;
  /** Absent: nobody. */
  readonly observer?: Observer;
}

/** A change that the director would make, and what it was weighed against. */
export interface Weighed {
  /** The director holds something else than the change was computed from; undefined: it may be made. */
  readonly refusal: ChangeAnswer | undefined;
  readonly table: Table;
}

/** What a director made of what is shared. */
export interface Followed {
  readonly answer: ChangeAnswer;
  /** What it cannot hold, in sentences: entries of its kernel that belong to nobody are in the way. */
  readonly conflicts: readonly string[];
}

/** A change could not be taken on, because it could not be made durable. Nothing of it was made. */
export class NotDurableError extends Error {
  constructor(cause: Error) {
    super(cause.message);
    this.name = "NotDurableError";
  }
}

/** What the director is told to hold, at one moment. */
interface Told {
  readonly table: readonly string[];
  readonly registry: string;
  readonly digests: Digests;
}

/** Transitions that come together are written down together. */
const RECORD_DELAY_MS = 200;

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
  readonly #edits: EditLog;
  readonly #observer: Observer;
  #reconciledAt = 0;
  #trouble: string | undefined;
  #isUnreadable = false;
  #isBare = false;
  #digests: Digests | undefined;
  #recording: NodeJS.Timeout | undefined;
  #heeding = false;
  /** How often a server went down or came back: a table that was worked out before that is not to be left as it is. */
  #heeded = 0;
  /** As of which of these the table was made. */
  #settled = 0;
  /** The kernel as it was last seen. */
  #seen: TableText | undefined;
  #looking: Promise<Told> | undefined;
  /** The registry could not be written down after the kernel was edited: it is tried again. */
  #uncommitted = false;

  private constructor(
    private readonly parts: KeeperParts,
    record: Pools["record"],
  ) {
    this.#edits = new EditLog(parts.log);
    this.#observer = parts.observer ?? UNOBSERVED;
    const heed = (probe: Probe | undefined, health: ServerHealth) => this.#heed(probe, health);
    const watch = new Watch(parts.dial, record.down, heed, this.#observer);
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
    const before = readRegistry(registry);
    const after = journal ? readRegistry(journal.after) : before;
    const text = await parts.kernel.read();
    const keeper = new Keeper(parts, believed(before, after, health, text.table));
    try {
      await keeper.#takeUp(registry, journal, { text, isKnown: health !== undefined });
    } catch (error) {
      await keeper.#pools.watch.stop();
      throw error;
    }
    return keeper;
  }

  /** What the director holds; parts that the asker knows by their digests are left out. */
  state(known: Digests): Promise<StateAnswer> {
    // Those who ask at the same time share one look at the kernel: it may be slow, and servers that die wait for it.
    this.#looking ??= this.#turns.take(async () => {
      this.#looking = undefined;
      return this.#told(await this.parts.kernel.read());
    });
    return this.#looking.then((told) => this.#answer(told, known));
  }

  /**
   * Makes a change where the director holds what it was computed from. Servers that it lets in have passed their gate.
   *
   * @throws NotDurableError, RegistryError: nothing of it was made; any other error: it is made as soon as it can be
   */
  change({ expect, predict, registry, scope, desired }: ChangeOrder): Promise<ChangeAnswer> {
    return this.#turns.take(async () => {
      const text = await this.parts.kernel.read();
      const state = this.#answer(this.#told(text), expect);
      if (state.digests.registry !== expect.registry || state.digests.table !== expect.table)
        return { outcome: "changed", state, messages: "" };
      const after = joinLines(mergeDelta(registryLines(this.#pools.registry), registry).values());
      const messages = await this.#make({ after, scope, desired }, text);
      const left = await this.parts.kernel.read();
      this.#seen = left;
      const told = this.#told(left);
      return { outcome: "applied", state: this.#answer(told, predict), messages };
    });
  }

  /** Whether a change could be made now; nothing is. For one that others have to agree to before it is made. */
  weigh({ expect }: ChangeOrder): Promise<Weighed> {
    return this.#turns.take(async () => {
      const text = await this.parts.kernel.read();
      const state = this.#answer(this.#told(text), expect);
      const isSame = state.digests.registry === expect.registry && state.digests.table === expect.table;
      const refusal: ChangeAnswer | undefined = isSame
        ? undefined
        : { outcome: "changed", state, messages: "" };
      return { refusal, table: text.table };
    });
  }

  /**
   * Makes what directors share hold here, as far as it may: entries that belong to nobody are not taken over.
   *
   * @param leaves what is let go of and stays as it stands
   * @param own the change of it that was asked for here, and how the table was when it was weighed
   * @throws NotDurableError, RegistryError
   */
  follow(
    text: string,
    leaves: readonly Left[],
    own?: { readonly order: ChangeOrder; readonly table: Table },
  ): Promise<Followed> {
    return this.#turns.take(async () => {
      const messages = own ? [await this.#makeOwn(own.order, own.table)] : [];
      const found = await this.parts.kernel.read();
      const { registry, conflicts } = withoutStrangers(this.#pools.registry, readRegistry(text), found.table);
      const left = new Set(leaves.map(({ key }) => key));
      const scope = changedKeys(this.#pools.registry, registry).filter((key) => !left.has(key));
      const after = renderRegistry(registry);
      if (after !== this.#pools.text) messages.push(await this.#make({ after, scope }, found));
      const held = await this.parts.kernel.read();
      this.#seen = held;
      const told = this.#told(held);
      const state = this.#answer(told, own?.order.predict ?? told.digests);
      const said = messages.filter((words) => words !== "").join("\n");
      return { answer: { outcome: "applied", state, messages: said }, conflicts };
    });
  }

  /** What ends the drains that whoever began them has not ended, as a change of the registry; empty: there are none. */
  overdue(): readonly string[] {
    const over = this.#pools.drains.due(registrations(this.#pools.registry));
    if (over.length === 0) return [];
    const after = readRegistry(this.#pools.drained(over));
    return registryDelta(registryLines(this.#pools.registry), registryLines(after));
  }

  /** By which another director's table and registry can be compared with what this one held when it last looked. */
  digests(): Promise<Digests> {
    return this.#turns.take(async () => this.#pools.nominal(this.#seen ?? readTableText([])).digests);
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
   * @throws NotDurableError: a restart would forget it, so it is not done
   */
  drain(server: string, service: string | undefined, wanted: "start" | "end"): Promise<string[]> {
    return this.#turns.take(async () => {
      const concerned = this.#pools.having(server, service);
      const services = concerned.map((one) => one.service);
      const { drains } = this.#pools;
      const opposite = wanted === "start" ? "end" : "start";
      const changing = concerned.filter(
        (one) => drains.isAsked(one.service, one.server) !== (wanted === "start"),
      );
      drains[wanted](changing);
      await this.parts.store.saveHealth(this.#pools.record).catch((error: Error) => {
        drains[opposite](changing);
        throw new NotDurableError(error);
      });
      this.#left = undefined;
      await this.#reconcile();
      this.parts.log.info({ event: "drain", server, wanted, services }, `drain: ${wanted}`);
      if (this.#trouble !== undefined)
        throw new Error(`it is written down, and the kernel did not follow yet: ${this.#trouble}`);
      return services;
    });
  }

  /** What is being kept, for people. */
  get view() {
    return {
      /** The registry's file as it is, or will be. */
      text: this.#pools.text,
      pools: this.#pools as Pick<Pools, "registry" | "watch" | "lost" | "drains">,
      /** SHA-256 of the registry's file. */
      revision: this.#pools.revision,
      /** The kernel as it was last seen. */
      seen: this.#seen?.table ?? [],
      /** How long the turn that is under way has taken so far. */
      busyMs: this.#turns.busyMs,
      repairs: this.#repairs,
      drift: this.#edits.drift,
      reconciledAt: this.#reconciledAt,
      trouble: this.#trouble,
      /** The kernel did not tell its table when it was last asked. */
      isUnreadable: this.#isUnreadable,
      /** Virtual servers are declared, and after the last look the kernel held none of them. */
      isBare: this.#isBare,
    };
  }

  /**
   * What changes go by: of the registry, and of the table as it is declared. While something is done, as it was before
   * that. Undefined: no table was seen yet.
   */
  get lastDigests(): Digests | undefined {
    if (this.#seen && this.#turns.busyMs === 0) this.#digests = this.#pools.nominal(this.#seen).digests;
    return this.#digests;
  }

  /** Stops checking, and writes down what is known. The kernel goes on as it is. */
  async stop(): Promise<void> {
    clearTimeout(this.#recording);
    // Before the watch ends: it forgets what it watched, and who is not watched counts as healthy.
    await this.#turns.end(() => this.#record());
    await this.#pools.watch.stop();
  }

  async #takeUp(
    registry: string,
    journal: Journal | undefined,
    { text, isKnown }: { readonly text: TableText; readonly isKnown: boolean },
  ): Promise<void> {
    this.#pools.adopt(registry);
    if (!isKnown) this.#pools.believe(text.table);
    this.#pools.follow();
    // Written already, and only the journal is left: what stands at its places by now may be somebody else's.
    if (journal?.after === registry) await this.parts.store.commit(registry);
    else if (journal) {
      const words = { event: "resume", scope: journal.scope };
      this.parts.log.warn(words, "a change that was cut short is carried out");
      await this.#carryOut(journal, text);
    }
    await this.reconcile();
    // A reboot has taken the addresses too.
    await this.#place();
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
    const before = { registry: this.#pools.registry, text, limits: await this.#limits(journal) };
    this.#left = undefined;
    // From here on servers that were let in are checked, and count as healthy until they fail.
    this.#pools.adopt(journal.after);
    this.#pools.follow();
    const edits = this.#pools.changes(journal, before);
    const complaint = await this.parts.kernel.write(edits);
    if (complaint === "") this.#seen = foreseen(text, edits);
    else {
      // What is still there of what was to go stays owned, and is watched: the registry of before and after together.
      this.#pools.adopt(renderRegistry(duringRegistry(before.registry, this.#pools.registry)));
      this.#pools.follow();
    }
    this.#uncommitted = true;
    await this.#commit();
    const declared = { event: "declared", scope: journal.scope, revision: this.#pools.revision };
    this.parts.log.info(declared, "something else is declared");
    this.#edits.made("change", edits, complaint);
    this.#recordSoon();
    return [complaint, await this.#place()].filter((words) => words !== "").join("\n");
  }

  /**
   * A change that was asked for here and is agreed on. Not where somebody has put entries in its place since it was weighed:
   * they were not asked about.
   */
  async #makeOwn({ registry, scope, desired }: ChangeOrder, weighed: Table): Promise<string> {
    const text = await this.parts.kernel.read();
    const known = registrations(this.#pools.registry);
    const isTaken = (key: string) =>
      !known.has(key) && !isDeepStrictEqual(findService(text.table, key), findService(weighed, key));
    if (scope.some(isTaken)) return "";
    const after = joinLines(mergeDelta(registryLines(this.#pools.registry), registry).values());
    return this.#make({ after, scope, desired }, text);
  }

  async #commit(): Promise<void> {
    if (!this.#uncommitted) return;
    await this.parts.store.commit(this.#pools.text);
    this.#uncommitted = false;
  }

  /**
   * Thresholds of virtual servers that a change takes over: nobody has registered them, and only the kernel knows them.
   * Of all others the registry says what was written.
   */
  async #limits({ scope }: Journal): Promise<Limits | undefined> {
    const known = registrations(this.#pools.registry);
    return scope.every((key) => known.has(key)) ? undefined : this.parts.kernel.limits();
  }

  async #place(): Promise<string> {
    const unplaced = await this.parts.place();
    if (unplaced !== "") this.parts.log.error({ event: "place", unplaced }, "addresses could not be placed");
    return unplaced;
  }

  async #reconcile(): Promise<void> {
    const begunMs = performance.now();
    await this.#look();
    this.#isBare = !holdsAny(this.#seen?.table ?? [], registrations(this.#pools.registry));
    this.#observer.reconciled(performance.now() - begunMs);
  }

  async #look(): Promise<void> {
    try {
      const [unwritten, undrained] = [
        await attempt("the registry could not be written", () => this.#commit()),
        await attempt("drains could not be ended", () => this.#endDrains()),
      ];
      const heeded = this.#heeded;
      const text = await this.#read();
      const limits = this.#pools.isLimited ? await this.parts.kernel.limits() : undefined;
      const now = `${joinLines(text.lines)}${this.#pools.limitsText(limits)}`;
      this.#seen = text;
      if (now !== this.#left) {
        const isDrift = this.#left !== undefined;
        // Durable before the kernel follows: a restart lets nobody in who was down.
        if (this.#settled !== heeded) await this.#record();
        const { edits, drift, wanted } = this.#pools.due(text, limits);
        const complaint = await this.parts.kernel.write(edits);
        if (isDrift) this.#repairs += edits.length;
        this.#edits.made(isDrift ? "repair" : "settle", edits, complaint);
        this.#edits.found(drift);
        // What the kernel did not take is tried again at the next look.
        if (complaint !== "") throw new Error(`the kernel did not take all edits: ${complaint}`);
        this.#pools.settled(wanted);
        if (edits.length > 0) this.#seen = foreseen(text, edits);
        // What was written is looked at once more.
        this.#left = heeded === this.#heeded && edits.length === 0 ? now : undefined;
      }
      this.#settled = heeded;
      this.#reconciledAt = Date.now();
      this.#trouble = unwritten ?? undrained;
      if (this.#trouble !== undefined)
        this.parts.log.error(
          { event: "record", error: this.#trouble },
          "not everything could be written down",
        );
    } catch (error) {
      this.#trouble = error instanceof Error ? error.message : String(error);
      this.parts.log.error({ event: "reconcile", error: this.#trouble }, "the table could not be kept");
      this.#left = undefined;
    }
  }

  async #read(): Promise<TableText> {
    try {
      const text = await this.parts.kernel.read();
      this.#isUnreadable = false;
      return text;
    } catch (error) {
      this.#isUnreadable = true;
      throw error;
    }
  }

  /** Ends the drains of changes that nobody waits for, or whose maker has not ended them: he was killed. */
  async #endDrains(): Promise<void> {
    if (this.parts.isShared) return;
    const [{ drains }, declared] = [this.#pools, registrations(this.#pools.registry)];
    const counts = drains.isAnyLeaving(declared) ? await this.parts.kernel.connections() : undefined;
    const over = drains.due(declared, counts);
    if (over.length === 0) return;
    const scope = [...new Set(over.map(({ service }) => service))];
    const servers = over.map(({ server }) => server);
    await this.#make({ after: this.#pools.drained(over), scope }, await this.parts.kernel.read());
    this.parts.log.info({ event: "drained", servers }, "drains are over");
  }

  #told(text: TableText): Told {
    const { table, digests } = this.#pools.nominal(text);
    return { table: table.lines, digests, registry: this.#pools.text };
  }

  #answer({ digests, registry, table }: Told, known: Digests): StateAnswer {
    return {
      protocol: AGENT_PROTOCOL,
      ...this.parts.host,
      digests,
      ...(digests.registry !== known.registry && { registry }),
      ...(digests.table !== known.table && { table }),
    };
  }

  /** A server went down or came back. */
  #heed(probe: Probe | undefined, { healthy, answer }: ServerHealth): void {
    const event = healthy ? "up" : "down";
    this.#observer.turned(healthy);
    // Not the probe's key: it is made of the check's settings, and passwords could be tried against it.
    const server = probe && realServerKey(probe.target);
    this.parts.log.warn({ event, server, check: probe?.check.type, answer }, `server is ${event}`);
    this.#left = undefined;
    this.#heeded++;
    this.#recordSoon();
    if (this.#heeding) return;
    this.#heeding = true;
    this.#soon(() => {
      this.#heeding = false;
      return this.#reconcile();
    });
  }

  /** For what tells of its failures itself. Nothing where the agent ends. */
  #soon(work: () => Promise<void>): void {
    this.#turns.take(work).catch((error: Error) => {
      if (!(error instanceof TurnsOverError)) throw error;
    });
  }

  #recordSoon(): void {
    this.#recording ??= setTimeout(() => {
      this.#recording = undefined;
      this.#soon(() => this.#record());
    }, RECORD_DELAY_MS).unref();
  }

  async #record(): Promise<void> {
    await this.parts.store.saveHealth(this.#pools.record).catch((error: Error) => {
      this.parts.log.error({ event: "record", error: error.message }, "health could not be written down");
    });
  }
}

/** Whether a table has any of what is declared, or nothing is. */
function holdsAny(table: Table, declared: ReadonlyMap<string, unknown>): boolean {
  return declared.size === 0 || [...declared.keys()].some((key) => findService(table, key));
}

/** Why something failed that is no reason to leave the rest undone; undefined: it did not. */
async function attempt(what: string, work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return `${what}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
