/** Lets one at a time do its work, in the order they came; a failure of one is no concern of the next. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #since: number | undefined;
  #isOver = false;

  /** How long the work that is being done has taken so far; 0: none is. */
  get busyMs(): number {
    return this.#since === undefined ? 0 : performance.now() - this.#since;
  }

  /** @throws TurnsOverError when it comes after the last one */
  take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isOver) return Promise.reject(new TurnsOverError());
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

  /** For work that tells of its failures itself, and that nobody waits for. Nothing is done after the last turn. */
  soon(work: () => Promise<void>): void {
    this.take(work).catch((error: Error) => {
      if (!(error instanceof TurnsOverError)) throw error;
    });
  }

  /** Waits for those that came before, and lets nobody do anything after this. */
  async end<T>(work: () => Promise<T>): Promise<T> {
    const last = this.take(work);
    this.#isOver = true;
    return last;
  }
}

/** There is no turn any more. */
export class TurnsOverError extends Error {
  constructor() {
    super("the agent ends: it takes on nothing more");
    this.name = "TurnsOverError";
  }
}
