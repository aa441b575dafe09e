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
      this.parts.turns.soon(() => this.record());
    }, RECORD_DELAY_MS).unref();
  }

  /** Writes it down now. Fails never: forwarding does not wait for a disk that is full. */
  async record(): Promise<void> {
    const { store, log, pools } = this.parts;
    await store.saveHealth(pools.record).catch((error: Error) => {
      log.error({ event: "record", error: error.message }, "health could not be written down");
    });
  }

  /** What was to be written down soon is not; who stops records it once more. */
  stop(): void {
    clearTimeout(this.#recording);
  }
}
