/** The golden ratio's fractional part: of all steps around a circle, its leave the most even gaps, however many follow. */
const STEP = (Math.sqrt(5) - 1) / 2;

/**
 * Spreads what is repeated evenly over its interval, without knowing how much will follow. Each interval has its own
 * sequence, so that those of one length are spread whatever else there is.
 */
export class Spread {
  readonly #begin: number;
  readonly #steps = new Map<number, number>();

  /** @param begin where on the circle, from 0 to 1: chosen by chance, so that directors do not keep step */
  constructor(begin: number) {
    this.#begin = begin;
  }

  /** The next one's share of the interval, from 0 (included) to 1 (excluded). */
  next(intervalMs: number): number {
    const step = this.#steps.get(intervalMs) ?? 0;
    this.#steps.set(intervalMs, step + 1);
    return (this.#begin + step * STEP) % 1;
  }
}
