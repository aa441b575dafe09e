import { joinLines, type TableText } from "../../director/data";
import { type Edit, editedEntry, findService, type Limits, type Table } from "../../ipvs";
import { isWitnessed } from "../belief";
import type { EditLog } from "../edit-log";
import { foreseen } from "../foreseen";
import type { Kernel } from "../kernel";
import type { Log } from "../log";
import type { Observer } from "../observer";
import type { Pools } from "../pools";
import { registrations } from "../probes";
import { isLimited, limitsText } from "../thresholds";
import type { Draining } from "./draining";
import type { HealthRecorder } from "./health-recorder";
import { lacking } from "./lacking";
import type { LastLook } from "./last-look";
import type { Transitions } from "./transitions";
import type { WriteAhead } from "./write-ahead";

/** What the kernel is kept with. */
export interface ReconcilerParts {
  readonly kernel: Kernel;
  readonly log: Log;
  readonly observer: Observer;
  readonly pools: Pools;
  readonly last: LastLook;
  readonly edits: EditLog;
  readonly changes: Pick<WriteAhead, "commit">;
  readonly draining: Pick<Draining, "endOverdue">;
  readonly transitions: Pick<Transitions, "count">;
  readonly recorder: Pick<HealthRecorder, "record">;
}

/** How the keeping goes, for people. */
export interface Keeping {
  /** Edits that took back what somebody else had changed, since the agent has started. */
  readonly repairs: number;
  /** When the kernel last held what it is to hold; epoch, in milliseconds; 0: not yet. */
  readonly reconciledAt: number;
  /** Why something could not be done at the last look. */
  readonly trouble: string | undefined;
  /** The kernel did not tell its table when it was last asked. */
  readonly isUnreadable: boolean;
  /** Virtual servers are declared, and after the last look the kernel held none of them. */
  readonly isBare: boolean;
}

/**
 * Makes the kernel hold what it is to hold: what is declared, as far as the servers are healthy. What failed is tried again at
 * the next look. Whoever calls has the turn.
 */
export class Reconciler {
  #repairs = 0;
  #reconciledAt = 0;
  #trouble: string | undefined;
  #isUnreadable = false;
  #isBare = false;
  #tookMs = 0;
  /** As of which transition of a server it is written down who is down. */
  #recorded = 0;

  constructor(private readonly parts: ReconcilerParts) {}

  get state(): Keeping {
    return {
      repairs: this.#repairs,
      reconciledAt: this.#reconciledAt,
      trouble: this.#trouble,
      isUnreadable: this.#isUnreadable,
      isBare: this.#isBare,
    };
  }

  /** How long the last look took, without the time for which it waited for the disk alone, in milliseconds. */
  get tookMs(): number {
    return this.#tookMs;
  }

  /** Looks, and makes it so. Fails never: how it went is in `state`. */
  async reconcile(): Promise<void> {
    const { last, pools, observer } = this.parts;
    const begunMs = performance.now();
    await this.#look(begunMs);
    this.#isBare = !holdsAny(last.seen?.table ?? [], registrations(pools.registry));
    observer.reconciled(performance.now() - begunMs);
  }

  async #look(begunMs: number): Promise<void> {
    const { kernel, log, pools, last, changes, draining, transitions } = this.parts;
    try {
      const [unwritten, undrained] = [
        await attempt("the registry could not be written", () => changes.commit()),
        await attempt("drains could not be ended", () => draining.endOverdue()),
      ];
      const heeded = transitions.count;
      // What becomes of a server from here on is neither heeded nor written down: it has a turn of its own.
      pools.watch.heed();
      await using recording = this.#recording(heeded);
      const text = await this.#read();
      const limits = isLimited(pools.registry) ? await kernel.limits() : undefined;
      const now = `${joinLines(text.lines)}${limitsText(pools.registry, limits)}`;
      last.seen = text;
      if (now !== last.left) await this.#settle({ text, limits, now, heeded, recorded: recording.over });
      this.#reconciledAt = Date.now();
      this.#tookMs = performance.now() - begunMs;
      this.#trouble = unwritten ?? undrained;
      if (this.#trouble !== undefined)
        log.error({ event: "record", error: this.#trouble }, "not everything could be written down");
    } catch (error) {
      this.#trouble = error instanceof Error ? error.message : String(error);
      log.error({ event: "reconcile", error: this.#trouble }, "the table could not be kept");
      last.forget();
    }
  }

  /**
   * Edits a table that is not as it was left.
   *
   * @param found the table, as a text to compare too; `heeded`: as of which transition of a server; `recorded`: is over when
   *   that is written down, or could not be
   * @throws Error where the kernel did not take all edits
   */
  async #settle(found: {
    readonly text: TableText;
    readonly limits: Limits | undefined;
    readonly now: string;
    readonly heeded: number;
    readonly recorded: Promise<unknown>;
  }): Promise<void> {
    const { kernel, pools, last, transitions } = this.parts;
    const { text, limits, now, heeded, recorded } = found;
    const { edits, repairs, drift, wanted } = pools.due(text, limits);
    if (!isWitnessed(edits, registrations(pools.registry))) await recorded;
    const complaint = await kernel.write(edits);
    this.#tell(edits, repairs, complaint);
    this.parts.edits.found(drift);
    if (complaint !== "") {
      const refused = new Set((await lacking(kernel, pools)).edits.map(editedEntry));
      pools.settled(wanted, refused);
      this.#repairs += repairs.filter((one) => !refused.has(editedEntry(one))).length;
      // What the kernel did not take is tried again at the next look.
      throw new Error(`the kernel did not take all edits: ${complaint}`);
    }
    this.#repairs += repairs.length;
    pools.settled(wanted);
    if (edits.length > 0) last.seen = foreseen(text, edits);
    // What was written is looked at once more.
    if (heeded === transitions.count && edits.length === 0) last.leave(now);
    else last.forget();
  }

  /** Whatever is done to an entry that somebody else has changed is told apart from what follows from the health of servers. */
  #tell(edits: readonly Edit[], repairs: readonly Edit[], complaint: string): void {
    const taken = new Set(repairs);
    const others = edits.filter((one) => !taken.has(one));
    if (repairs.length > 0) this.parts.edits.made("repair", repairs, complaint);
    if (repairs.length === 0 || others.length > 0) this.parts.edits.made("settle", others, complaint);
  }

  /**
   * Begins to write down who is down, as of a transition of a server; the turn ends when that is over. The kernel does not
   * wait for it where it will tell by itself who is out (see {@link isWitnessed}): a server that has died is sent connections
   * while a disk is slow. A director that loses power in that moment lets in who died in it.
   */
  #recording(heeded: number): AsyncDisposable & { readonly over: Promise<unknown> } {
    const over =
      this.#recorded === heeded
        ? Promise.resolve(false)
        : this.parts.recorder.record().then((isRecorded) => {
            if (isRecorded) this.#recorded = heeded;
          });
    return { over, [Symbol.asyncDispose]: async () => void (await over) };
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
