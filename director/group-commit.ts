/**
 * Runs jobs in groups, as databases commit transactions: while one group is under way, what arrives waits, and then
 * leaves together. At most one group at a time; every submitted job settles exactly once.
 */
export class GroupCommit<J> {
  #waiting: J[] = [];
  #running: Promise<void> | undefined;

  /** @param run carries out a group; it settles each job by itself and must not throw. */
  constructor(private readonly run: (jobs: readonly J[]) => Promise<void>) {}

  /** Adds a job to the next group. */
  submit(job: J): void {
    this.#waiting.push(job);
    this.#running ??= this.#drain();
  }

  async #drain(): Promise<void> {
    // One turn of the event loop lets calls that arrive together leave together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const jobs = this.#waiting;
      this.#waiting = [];
      await this.run(jobs);
    }
    this.#running = undefined;
  }
}
