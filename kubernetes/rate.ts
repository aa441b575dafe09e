/** How much of something may be done: so much a second in the long run, and a burst of it after a pause. */
export class Rate {
  #left: number;
  #countedMs = performance.now();

  constructor(
    private readonly perSecond: number,
    private readonly burst: number,
  ) {
    this.#left = burst;
  }

  /** How long until there is one, in ms. */
  get waitMs(): number {
    this.#count();
    return this.#left >= 1 ? 0 : ((1 - this.#left) * 1_000) / this.perSecond;
  }

  /** Takes one. @returns whether there was one */
  take(): boolean {
    this.#count();
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  /** One that was taken was not needed. */
  giveBack(): void {
    this.#left++;
  }

  #count(): void {
    const nowMs = performance.now();
    this.#left = Math.min(this.burst, this.#left + ((nowMs - this.#countedMs) * this.perSecond) / 1_000);
    this.#countedMs = nowMs;
  }
}
