import {
  type ChangeAnswer,
  type ChangeOrder,
  type Digests,
  readTableText,
  type StateAnswer,
  type TableText,
} from "../director/data";
import type { Dial, Probe, ServerHealth } from "../health";
import { believed } from "./belief";
import { EditLog } from "./edit-log";
import type { Journal } from "./journal";
import { ChangeOrders, type Weighed, withWords } from "./keeper/change-orders";
import { Draining } from "./keeper/draining";
import { type Followed, Follower, type OwnChange } from "./keeper/follower";
import { HealthRecorder } from "./keeper/health-recorder";
import { LastLook } from "./keeper/last-look";
import { Reconciler } from "./keeper/reconciler";
import { Returning } from "./keeper/returning";
import { type Host, stateAnswer, type Told, toldOf } from "./keeper/state-answer";
import { Transitions } from "./keeper/transitions";
import { WriteAhead } from "./keeper/write-ahead";
import type { Kernel } from "./kernel";
import type { Log } from "./log";
import { type Observer, UNOBSERVED } from "./observer";
import type { Left } from "./plane/plane";
import { Pools } from "./pools";
import { readRegistry } from "./registry-file";
import type { Store } from "./store";
import { Turns } from "./turns";
import { Watch } from "./watch";

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

/**
 * The one owner of a director's table: what is declared, and the health of the servers, become entries in the kernel, and
 * stay so. One thing is done at a time. What nobody registered is never touched.
 *
 * A change is durable before the kernel is edited (the journal) and carried out after any crash. The registry holds
 * what is declared; a server's health changes the kernel and never the registry.
 *
 * Here is who may when; what is done has a file for each in keeper/: `change-orders` takes changes on that are asked for,
 * `write-ahead` makes a change durable and carries it out, `reconciler` makes the kernel hold what it is to hold, `transitions`
 * hears of servers that went down or came back, `health-recorder` writes that down, `returning` asks those that were taken out when they were down, `draining` begins and ends drains,
 * `follower` makes what directors share hold here.
 */
export class Keeper {
  readonly #turns = new Turns();
  readonly #last = new LastLook();
  readonly #edits: EditLog;
  readonly #pools: Pools;
  readonly #recorder: HealthRecorder;
  readonly #changes: WriteAhead;
  readonly #orders: ChangeOrders;
  readonly #draining: Draining;
  readonly #reconciler: Reconciler;
  readonly #follower: Follower;
  readonly #returning: Returning;
  #digests: Digests | undefined;
  #looking: Promise<Told> | undefined;

  private constructor(
    private readonly parts: KeeperParts,
    record: Pools["record"],
  ) {
    const [last, turns, observer] = [this.#last, this.#turns, parts.observer ?? UNOBSERVED];
    const edits = new EditLog(parts.log);
    const heed = (probe: Probe | undefined, health: ServerHealth) => transitions.heed(probe, health);
    const watch = new Watch(parts.dial, record.down, heed, observer);
    const pools = new Pools(watch, record, (service, up) => {
      parts.log.warn({ event: "quorum", service, up }, up ? "quorum" : "no quorum");
      recorder.recordSoon();
    });
    const recorder = new HealthRecorder({ ...parts, pools, turns });
    const kept = { ...parts, observer, pools, last, edits, recorder };
    const transitions = new Transitions({ ...kept, turns }, async () => {
      await this.#reconciler.reconcile();
      return this.#reconciler.tookMs;
    });
    const changes = new WriteAhead(kept);
    this.#orders = new ChangeOrders({ ...kept, changes });
    const draining = new Draining({ ...kept, changes });
    this.#reconciler = new Reconciler({ ...kept, changes, draining, transitions });
    this.#follower = new Follower({ ...kept, changes });
    this.#returning = new Returning(kept);
    this.#edits = edits;
    this.#pools = pools;
    this.#recorder = recorder;
    this.#changes = changes;
    this.#draining = draining;
  }

  /**
   * Takes up what an earlier agent left: ends the change that it had begun, and goes on from the health that it knew.
   *
   * @throws RegistryError, KernelError; nothing has been touched then
   */
  static async start(parts: KeeperParts): Promise<Keeper> {
    const { registry, journal, health, recordedIn } = await parts.store.load();
    const before = readRegistry(registry);
    const after = journal ? readRegistry(journal.after) : before;
    const text = await parts.kernel.read();
    // What the restoring at boot has filled the table with says nothing of health: the dead are in it as the living.
    const heard = recordedIn === "another boot" ? [] : text.table;
    const keeper = new Keeper(parts, believed(before, after, health, heard));
    try {
      const known = { isKnown: health !== undefined, isOlder: recordedIn !== "this boot" };
      await keeper.#takeUp(registry, journal, { text, ...known });
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
      return toldOf(this.#pools, await this.parts.kernel.read());
    });
    return this.#looking.then((told) => stateAnswer(this.parts.host, told, known));
  }

  /**
   * Makes a change where the director holds what it was computed from. Servers that it lets in have passed their gate.
   *
   * @throws NotDurableError, RegistryError: nothing of it was made; any other error: it is made as soon as it can be
   */
  async change(order: ChangeOrder): Promise<ChangeAnswer> {
    const answered = await this.#returning.ask(() => this.#orders.declared(order));
    const { departed } = this.#pools.watch;
    const { answer, unplaced } = await this.#turns.take(() =>
      departed.hearing(answered, () => this.#orders.change(order)),
    );
    return withWords(answer, await unplaced);
  }

  /** Whether a change could be made now; nothing is. For one that others have to agree to before it is made. */
  weigh(order: ChangeOrder): Promise<Weighed> {
    return this.#turns.take(() => this.#orders.weigh(order));
  }

  /**
   * Makes what directors share hold here, as far as it may: entries that belong to nobody are not taken over.
   *
   * @param leaves what is let go of and stays as it stands
   * @param own the change of it that was asked for here, and how the table was when it was weighed
   * @throws NotDurableError, RegistryError
   */
  async follow(text: string, leaves: readonly Left[], own?: OwnChange): Promise<Followed> {
    const answered = await this.#returning.ask(() => readRegistry(text));
    const { answer, conflicts, unplaced } = await this.#turns.take(() =>
      this.#pools.watch.departed.hearing(answered, () => this.#follower.follow(text, leaves, own)),
    );
    return { answer: withWords(answer, await unplaced), conflicts };
  }

  /** What ends the drains that whoever began them has not ended, as a change of the registry; empty: there are none. */
  overdue(): readonly string[] {
    return this.#draining.overdue();
  }

  /** By which another director's table and registry can be compared with what this one held when it last looked. */
  digests(): Promise<Digests> {
    return this.#turns.take(async () => this.#pools.nominal(this.#last.seen ?? readTableText([])).digests);
  }

  /** Makes the kernel hold what it is to hold. */
  reconcile(): Promise<void> {
    return this.#turns.take(() => this.#reconciler.reconcile());
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
      const services = await this.#draining.ask(server, service, wanted);
      this.#last.forget();
      await this.#reconciler.reconcile();
      this.parts.log.info({ event: "drain", server, wanted, services }, `drain: ${wanted}`);
      const { trouble } = this.#reconciler.state;
      if (trouble !== undefined)
        throw new Error(`it is written down, and the kernel did not follow yet: ${trouble}`);
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
      seen: this.#last.seen?.table ?? [],
      /** How long the turn that is under way has taken so far. */
      busyMs: this.#turns.busyMs,
      drift: this.#edits.drift,
      ...this.#reconciler.state,
    };
  }

  /**
   * What changes go by: of the registry, and of the table as it is declared. While something is done, as it was before
   * that. Undefined: no table was seen yet.
   */
  get lastDigests(): Digests | undefined {
    const { seen } = this.#last;
    if (seen && this.#turns.busyMs === 0) this.#digests = this.#pools.nominal(seen).digests;
    return this.#digests;
  }

  /** Stops checking, and writes down what is known. The kernel goes on as it is. */
  async stop(): Promise<void> {
    this.#recorder.stop();
    // Before the watch ends: it forgets what it watched, and who is not watched counts as healthy.
    await this.#turns.end(() => this.#recorder.record());
    await this.#changes.placed();
    await this.#pools.watch.stop();
  }

  async #takeUp(
    registry: string,
    journal: Journal | undefined,
    {
      text,
      isKnown,
      isOlder,
    }: { readonly text: TableText; readonly isKnown: boolean; readonly isOlder: boolean },
  ): Promise<void> {
    this.#pools.adopt(registry);
    if (!isKnown) this.#pools.believe(text.table);
    this.#pools.follow();
    // Written already, and only the journal is left: what stands at its places by now may be somebody else's.
    if (journal?.after === registry) this.#changes.standsAlready();
    else if (journal) {
      const words = { event: "resume", scope: journal.scope };
      this.parts.log.warn(words, "a change that was cut short is carried out");
      // A disk that is full is no reason to leave servers unchecked: what could not be written down is, at a later look.
      await this.#changes.carryOut(journal, text).catch((error: unknown) => {
        if (!this.#changes.isUncommitted) throw error;
      });
    }
    await this.reconcile();
    // The kernel holds what follows from it: from here on its word counts, until the next boot.
    if (isKnown && isOlder) await this.#recorder.record();
    // A reboot has taken the addresses too.
    await this.#changes.place();
  }
}
