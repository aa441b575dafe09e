/**
 * Does something again and again, and sooner when asked. The time between is never shorter than a few times what it takes:
 * an agent with 10,000 servers has other work than to be looked at. Rests while nobody sees the page.
 */
export class Pulse {
  #timer: number | undefined;
  #isRunning = false;
  #isWanted = false;

  /**
   * @param everyMs between two times
   * @param onEnd told of each end; `undefined`: it went well
   */
  constructor(
    private readonly work: () => Promise<void>,
    private readonly everyMs: number,
    private readonly onEnd: (error: unknown) => void,
  ) {
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.soon();
    });
  }

  /** Does it now, or as soon as what is being done has ended. */
  soon(): void {
    if (this.#isRunning) this.#isWanted = true;
    else void this.#run();
  }

  async #run(): Promise<void> {
    clearTimeout(this.#timer);
    this.#isRunning = true;
    this.#isWanted = false;
    const begun = performance.now();
    let error: unknown;
    try {
      if (!document.hidden) await this.work();
    } catch (caught) {
      error = caught ?? new Error("unknown");
    }
    this.#isRunning = false;
    this.onEnd(error);
    const tookMs = performance.now() - begun;
    const restMs = this.#isWanted ? tookMs : Math.max(this.everyMs - tookMs, 4 * tookMs);
    this.#timer = window.setTimeout(() => void this.#run(), restMs);
  }
}
