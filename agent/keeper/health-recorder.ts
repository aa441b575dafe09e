import type { Log } from "../log";
import type { Pools } from "../pools";
import type { Store } from "../store";
import type { Turns } from "../turns";

/** Transitions that come together are written down together. */
const RECORD_DELAY_MS = 200;

/** Writes down who is down, who has lost its quorum and what drains: what must outlive a restart. */
export class HealthRecorder {
  #recording: NodeJS.Timeout | undefined;

  constructor(
    private readonly parts: {
      readonly store: Store;
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
   * Writes it down now. Fails never: forwarding does not wait for a disk that is full.
   *
   * @returns whether it is on the disk
   */
  async record(): Promise<boolean> {
    const { store, log, pools } = this.parts;
    try {
      await store.saveHealth(pools.record);
      return true;
    } catch (error) {
      const words = { event: "record", error: error instanceof Error ? error.message : String(error) };
      log.error(words, "health could not be written down");
      return false;
    }
  }

  /** What was to be written down soon is not; who stops records it once more. */
  stop(): void {
    clearTimeout(this.#recording);
  }
}
