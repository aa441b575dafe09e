/** A timer that fires so much too late, in ms, shows that this process stood still. */
export const STANDSTILL_MS = 100;

/**
 * A signal that fires after a time, or when an outer signal does. `AbortSignal.any` of an `AbortSignal.timeout` can be
 * collected before it fires (nodejs/node#54614); this one is held by its timer, and `clear` lets it go at once.
 *
 * Time in which this process itself stood still (a machine that was suspended, a core that was busy) is given back, once
 * and at most as much as the time was: answers may have come by then, and would not have been looked at before the timer.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  readonly #outer: AbortSignal;
  #timer: NodeJS.Timeout;
  #dueMs: number;
  #expired = false;

  constructor(timeoutMs: number, outer: AbortSignal) {
    this.#timeoutMs = timeoutMs;
    this.#outer = outer;
    this.#dueMs = performance.now() + timeoutMs;
    this.#timer = setTimeout(this.#atEnd, timeoutMs);
    if (outer.aborted) this.#follow();
    else outer.addEventListener("abort", this.#follow, { once: true });
  }

  /** Fires once, at the end of the time or with the outer signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** True when the time was over first. */
  get expired(): boolean {
    return this.#expired;
  }

  /** Call it when nobody listens any more. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#outer.removeEventListener("abort", this.#follow);
  }

  readonly #atEnd = (): void => {
    const lateMs = performance.now() - this.#dueMs;
    if (lateMs > STANDSTILL_MS) {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#timer = setTimeout(this.#atEnd, Math.min(lateMs, this.#timeoutMs));
      return;
    }
    this.#expired = true;
    this.#controller.abort(new Error(`no end within ${this.#timeoutMs} ms`));
  };

  readonly #follow = (): void => {
    clearTimeout(this.#timer);
    this.#controller.abort(this.#outer.reason);
  };
}
