import { duringRegistry, renderRegistry, type TableText } from "../../director/data";
import { type Limits, serviceKey } from "../../ipvs";
import type { EditLog } from "../edit-log";
import { foreseen } from "../foreseen";
import type { Journal } from "../journal";
import type { Kernel } from "../kernel";
import type { Log } from "../log";
import type { Pools } from "../pools";
import { registrations } from "../probes";
import { readRegistry } from "../registry-file";
import type { Store } from "../store";
import type { HealthRecorder } from "./health-recorder";
import { lacking } from "./lacking";
import type { LastLook } from "./last-look";
import { NotDurableError } from "./not-durable-error";

/** What changes are made with. */
export interface WriteAheadParts {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly log: Log;
  /** Makes the addresses of virtual servers stand where the cluster wants them; returns what could not be. */
  readonly place: () => Promise<string>;
  readonly pools: Pools;
  readonly last: LastLook;
  readonly edits: EditLog;
  readonly recorder: Pick<HealthRecorder, "recordSoon">;
}

/** A change that was carried out. */
export interface Carried {
  /** What the kernel's tools complained of; empty: nothing. */
  readonly complaint: string;
  /** Which addresses could not be placed; empty: none. Not to be waited for in a turn: it takes long where there are many. */
  readonly unplaced: Promise<string>;
}

/**
 * Turns a change into files and entries, in an order in which nothing is ever half made: the journal, the kernel, the
 * registry. What the journal says is carried out after any crash. Whoever calls has the turn.
 */
export class WriteAhead {
  /** The registry could not be written down after the kernel was edited: it is tried again. */
  #uncommitted = false;
  /** Addresses are being placed. */
  #placing: Promise<unknown> = Promise.resolve();
  /** They will be placed once more, by what is on disk then. */
  #next: Promise<string> | undefined;

  constructor(private readonly parts: WriteAheadParts) {}

  /**
   * Takes a change on, and carries it out.
   *
   * @param text the kernel as it is
   * @throws NotDurableError, RegistryError: nothing of it was made; any other error: it is made as soon as it can be
   */
  async make(journal: Journal, text: TableText): Promise<Carried> {
    // Before anything is written down that nobody could read.
    readRegistry(journal.after);
    await this.parts.store.begin(journal).catch((error: Error) => {
      throw new NotDurableError(error);
    });
    return this.carryOut(journal, text);
  }

  /** Carries out what the journal says already, as {@link make} does. */
  async carryOut(journal: Journal, text: TableText): Promise<Carried> {
    const { kernel, log, pools, last } = this.parts;
    const before = { registry: pools.registry, text, limits: await this.#limits(journal) };
    last.forget();
    // From here on servers that were let in are checked, and count as healthy until they fail.
    pools.adopt(journal.after);
    pools.follow();
    const edits = pools.changes(journal, before);
    const complaint = await kernel.write(edits);
    if (complaint === "") last.seen = foreseen(text, edits);
    else {
      // What is still there of what was to go stays owned, and is watched: the registry of before and after together.
      pools.adopt(renderRegistry(duringRegistry(before.registry, pools.registry)));
      pools.follow();
      await this.#settleTaken(journal.scope);
    }
    this.#uncommitted = true;
    await this.commit();
    const declared = { event: "declared", scope: journal.scope, revision: pools.revision };
    log.info(declared, "something else is declared");
    this.parts.edits.made("change", edits, complaint);
    this.parts.recorder.recordSoon();
    return { complaint, unplaced: this.place() };
  }

  /** Writes down what is declared, where that has failed before. */
  async commit(): Promise<void> {
    if (!this.#uncommitted) return;
    await this.parts.store.commit(this.parts.pools.text);
    this.#uncommitted = false;
  }

  /** What stands is not written down as what is declared. */
  get isUncommitted(): boolean {
    return this.#uncommitted;
  }

  /** The registry stands already as a journal has it, which is all that is left of a change. */
  standsAlready(): void {
    this.#uncommitted = true;
  }

  /** Places the addresses of virtual servers, for all who ask before that begins. Returns what could not be. */
  place(): Promise<string> {
    this.#next ??= this.#placing.then(() => {
      this.#next = undefined;
      const placed = this.#placeNow();
      this.#placing = placed.catch(() => undefined);
      return placed;
    });
    return this.#next;
  }

  /** Resolves when no addresses are being placed, nor will be: half of that is nothing to leave behind. */
  async placed(): Promise<void> {
    await (this.#next ?? this.#placing);
  }

  async #placeNow(): Promise<string> {
    const unplaced = await this.parts.place();
    if (unplaced !== "") this.parts.log.error({ event: "place", unplaced }, "addresses could not be placed");
    return unplaced;
  }

  /** Of virtual servers of which something was refused, those are made that lack nothing; none, where nobody can tell. */
  async #settleTaken(scope: readonly string[]): Promise<void> {
    const { kernel, pools } = this.parts;
    pools.unsettled(scope);
    const due = await lacking(kernel, pools).catch(() => undefined);
    if (!due) return;
    const lacks = new Set(due.edits.map(({ service }) => serviceKey(service)));
    const taken = scope.filter((key) => !lacks.has(key));
    pools.settled(new Map([...due.wanted].filter(([key]) => taken.includes(key))));
  }

  /**
   * Thresholds of virtual servers that a change takes over: nobody has registered them, and only the kernel knows them.
   * Of all others the registry says what was written.
   */
  async #limits({ scope }: Journal): Promise<Limits | undefined> {
    const known = registrations(this.parts.pools.registry);
    return scope.every((key) => known.has(key)) ? undefined : this.parts.kernel.limits();
  }
}
