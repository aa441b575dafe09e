/**
 * Reads take turns: one in each round of the event loop. However many clients read, what ends meanwhile (a check, a file that is
 * written, an answer of the kernel's) is dealt with between two of them: nobody who keeps the table waits for all who look at it.
 */
export class ReadTurns {
  #last: Promise<void> = Promise.resolve();

  /** Resolves when it is one's turn: what is done at once after that is done in it. */
  take(): Promise<void> {
    this.#last = this.#last.then(nextRound);
    return this.#last;
  }
}

function nextRound(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
