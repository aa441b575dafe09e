import { endsWithin } from "../ends-within";
import type { Log } from "../log";
import type { Pools } from "../pools";
import type { Store } from "../store";
import type { Turns } from "../turns";

/** Transitions that come together are written down together. */
const RECORD_DELAY_MS = 200;

/** A disk that takes longer is not waited for: whoever has the turn keeps servers that die in service meanwhile. */
const PATIENCE_MS = 2_000;

/** Writes down who is down, who has lost its quorum and what drains: what must outlive a restart. */
export class HealthRecorder {
  #recording: NodeJS.Timeout | undefined;
  /** A write is under way that nobody waits for any more: the next one begins when it has ended. */
  #isSlow = false;

  constructor(
    private readonly parts: {
      readonly store: Pick<Store, "saveHealth">;
      readonly log: Log;
      readonly pools: Pick<Pools, "record">;
      readonly turns: Turns;
    },
  ) {}

  /** Writes it down soon, in a turn of its own. */
  recordSoon(): void {
    this.#recording ??= setTimeout(() => {
      this.#recording = undefined;
      this.parts.turns.soon(async () => void (await this.record()));
    }, RECORD_DELAY_MS).unref();
  }

  /**
   * Writes it down now. Fails never: forwarding does not wait for a disk that is full, or hangs.
   *
   * @returns whether it is on the disk
   */
  async record(): Promise<boolean> {
    try {
      await this.save();
      return true;
    } catch (error) {
      const words = { event: "record", error: error instanceof Error ? error.message : String(error) };
      this.parts.log.error(words, "health could not be written down");
      return false;
    }
  }

  /**
   * Writes it down now.
   *
   * @throws Error: it is not known to be on the disk. Where that is slow, all that is so by then is written down when it has
   *   come round
   */
  async save(): Promise<void> {
    const { store, pools } = this.parts;
    if (this.#isSlow) throw new Error("the disk has not yet taken what was written before");
    const written = store.saveHealth(pools.record);
    if (await endsWithin(PATIENCE_MS, written)) return;
    this.#isSlow = true;
    const onEnd = () => {
      this.#isSlow = false;
      this.recordSoon();
    };
    written.then(onEnd, onEnd);
    throw new Error(`the disk takes longer than ${PATIENCE_MS / 1000} s`);
  }

  /** What was to be written down soon is not; who stops records it once more. */
  stop(): void {
    clearTimeout(this.#recording);
  }
}
