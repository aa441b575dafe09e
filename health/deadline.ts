/**
 * A signal that fires after a time, or when an outer signal does. `AbortSignal.any` of an `AbortSignal.timeout` can be
 * collected before it fires (nodejs/node#54614); this one is held by its timer, and `clear` lets it go at once.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #outer: AbortSignal;
  #expired = false;

  constructor(timeoutMs: number, outer: AbortSignal) {
    this.#outer = outer;
    this.#timer = setTimeout(() => {
      this.#expired = true;
      this.#controller.abort(new Error(`no end within ${timeoutMs} ms`));
    }, timeoutMs);
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

  readonly #follow = (): void => {
    clearTimeout(this.#timer);
    this.#controller.abort(this.#outer.reason);
  };
}
