/** A check is late by more than this, or a tenth of its interval if that is more: as the agent counts its own. */
const LATE_MS = 100;

/** What arrived while it was watched. */
export interface Arrived {
  readonly checks: number;
  /** Of the checks that were due, those that came late or not at all. */
  readonly late: number;
  readonly due: number;
}

/**
 * Checks as servers see them. One is due an interval after the one before, of the same server: that is keepalived's schedule, which
 * counts from the end of a check, and as well the agent's, which keeps to the clock.
 */
export class Arrivals {
  readonly #last = new Map<string, number>();
  readonly #longestMs: number;
  #counts = { checks: 0, late: 0 };

  /** @param servers all that are to be checked */
  constructor(servers: Iterable<string>, intervalMs: number, nowMs: number) {
    this.#longestMs = intervalMs + Math.max(LATE_MS, intervalMs / 10);
    for (const one of servers) this.#last.set(one, nowMs);
  }

  /** A server was checked. */
  arrived(server: string, nowMs: number): void {
    this.#counts.checks++;
    if (nowMs - (this.#last.get(server) ?? nowMs) > this.#longestMs) this.#counts.late++;
    this.#last.set(server, nowMs);
  }

  /** Forgets how many there were; when each server was last checked stays known. */
  begin(): void {
    this.#counts = { checks: 0, late: 0 };
  }

  /** What there was since {@link begin}; who waits too long for its next check has it late. */
  end(nowMs: number): Arrived {
    const missing = [...this.#last.values()].filter((last) => nowMs - last > this.#longestMs).length;
    const { checks, late } = this.#counts;
    return { checks, late: late + missing, due: checks + missing };
  }
}
