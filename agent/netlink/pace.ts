import { setImmediate as turn } from "node:timers/promises";

/** How long the event loop may stand still. */
const SLICE_MS = 5;

/** Work on a large table that lets checks and requests have their turn in between. */
export class Pace {
  #since = performance.now();

  /** To be awaited between parts of the work. */
  async rest(): Promise<void> {
    if (performance.now() - this.#since < SLICE_MS) return;
    await turn();
    this.#since = performance.now();
  }

  /** All that comes in parts. */
  async all<T>(parts: Iterable<readonly T[]>): Promise<T[]> {
    const all: T[] = [];
    for (const part of parts) {
      all.push(...part);
      if (performance.now() - this.#since >= SLICE_MS) await this.rest();
    }
    return all;
  }
}
