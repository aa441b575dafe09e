import { setTimeout as delay } from "node:timers/promises";

/** A group waits for others for this part of the time that the last one took: what comes a moment later need not wait a whole turn. */
const GATHERING = 1 / 8;
const LONGEST_GATHERING_MS = 50;

/**
 * Runs jobs in groups, as databases commit transactions: while one group is under way, what arrives waits, and then
 * leaves together. At most one group at a time; every submitted job settles exactly once.
 */
export class GroupCommit<J> {
  #waiting: J[] = [];
  #running: Promise<void> | undefined;
  #lastMs = 0;

  /** @param run carries out a group; it settles each job by itself and must not throw. */
  constructor(private readonly run: (jobs: readonly J[]) => Promise<void>) {}

  /** Adds a job to the next group. */
  submit(job: J): void {
    this.#waiting.push(job);
    this.#running ??= this.#drain();
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#gather();
      const jobs = this.#waiting;
      this.#waiting = [];
      const began = performance.now();
      await this.run(jobs);
      this.#lastMs = performance.now() - began;
    }
    this.#running = undefined;
  }

  /** Jobs come in swarms: those that a group has settled are followed by others within a few milliseconds. */
  async #gather(): Promise<void> {
    const ms = Math.min(LONGEST_GATHERING_MS, this.#lastMs * GATHERING);
    // One turn of the event loop lets calls that arrive together leave together.
    await (ms < 1 ? new Promise((resolve) => setImmediate(resolve)) : delay(ms));
  }
}
