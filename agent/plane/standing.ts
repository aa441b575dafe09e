import type { Log } from "../log";

/** How a director stands to what is shared. */
export interface Standing {
  /** `joining`: nothing was heard of it yet. `lost`: it cannot be asked now. `alarm`: it is not followed. */
  readonly state: "joining" | "following" | "lost" | "alarm";
  /** Since when it is so; epoch, in milliseconds. */
  readonly since: number;
  /** Why it is lost, or not followed. */
  readonly reason?: string;
  /** What this director has applied; 0: nothing yet. */
  readonly revision: number;
  /** What it cannot hold of that, because entries of nobody are in the way. */
  readonly conflicts: readonly string[];
}

/** Remembers how a director stands to what is shared, and logs it when that is otherwise than it was. */
export class StandingBook {
  #now: Omit<Standing, "revision"> = { state: "joining", since: Date.now(), conflicts: [] };

  constructor(private readonly log: Log) {}

  get now(): Omit<Standing, "revision"> {
    return this.#now;
  }

  /** @param conflicts undefined: those that there were */
  stand(state: Standing["state"], reason?: string, conflicts = this.#now.conflicts): void {
    const isNews = state !== this.#now.state || reason !== this.#now.reason;
    const isChanged = conflicts.join() !== this.#now.conflicts.join();
    const since = isNews ? Date.now() : this.#now.since;
    this.#now = { state, since, ...(reason !== undefined && { reason }), conflicts };
    if (isNews && state !== "following")
      this.log.error({ event: "plane", state, reason }, `what is shared: ${state}`);
    else if (isNews) this.log.info({ event: "plane", state }, "what is shared is followed");
    if (isChanged && conflicts.length > 0)
      this.log.error({ event: "plane", conflicts }, "not all that is shared can be held here");
  }
}
