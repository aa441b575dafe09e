import { randomInt } from "node:crypto";

/** Numbers from 0 to 1 that can be had again: HEYE_SEED names the seed that a failed run has printed. */
export class Random {
  #state: number;

  constructor(readonly seed = Number(process.env.HEYE_SEED ?? randomInt(2 ** 31))) {
    this.#state = seed;
  }

  /** The next number (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
