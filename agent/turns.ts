/** Lets one at a time do its work, in the order they came; a failure of one is no concern of the next. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #since: number | undefined;

  /** How long the work that is being done has taken so far; 0: none is. */
  get busyMs(): number {
    return this.#since === undefined ? 0 : performance.now() - this.#since;
  }

  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(async () => {
      this.#since = performance.now();
      try {
        return await work();
      } finally {
        this.#since = undefined;
      }
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
