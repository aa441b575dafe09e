import type { Probe, ServerHealth } from "../../health";
import { realServerKey } from "../../spec";
import type { Log } from "../log";
import type { Observer } from "../observer";
import type { Turns } from "../turns";
import type { LastLook } from "./last-look";

/**
 * After the kernel has followed there is a rest of so many times as long as that took, and no longer than so many milliseconds:
 * in a storm, when thousands of servers come back one by one, three quarters of the time are left for checks, changes and
 * readers. Who dies alone waits for nothing.
 */
const REST_TIMES = 3;
const REST_MAX_MS = 250;

/** Hears of servers that went down or came back, and has the kernel follow: once for all that come together. */
export class Transitions {
  #count = 0;
  #heeding = false;
  /** Until when nothing is begun, by the monotonic clock. */
  #restsUntilMs = 0;

  /** @param reconcile makes the kernel follow; called in a turn of its own. Returns how long that took, in milliseconds */
  constructor(
    private readonly parts: {
      readonly log: Log;
      readonly observer: Observer;
      readonly last: LastLook;
      readonly turns: Turns;
    },
    private readonly reconcile: () => Promise<number>,
  ) {}

  /** How often a server went down or came back: a table that was worked out before that is not to be left as it is. */
  get count(): number {
    return this.#count;
  }

  /** A server went down or came back. */
  heed(probe: Probe | undefined, { healthy, answer }: ServerHealth): void {
    const { log, observer, last } = this.parts;
    const event = healthy ? "up" : "down";
    observer.turned(healthy);
    // Not the probe's key: it is made of the check's settings, and passwords could be tried against it.
    const server = probe && realServerKey(probe.target);
    log.warn({ event, server, check: probe?.check.type, answer }, `server is ${event}`);
    last.forget();
    this.#count++;
    if (this.#heeding) return;
    this.#heeding = true;
    const restMs = this.#restsUntilMs - performance.now();
    if (restMs <= 0) this.#follow();
    else setTimeout(() => this.#follow(), restMs).unref();
  }

  /** All that has turned by the time of this turn is heeded in it. */
  #follow(): void {
    this.parts.turns.soon(async () => {
      this.#heeding = false;
      const tookMs = await this.reconcile();
      this.#restsUntilMs = performance.now() + Math.min(REST_TIMES * tookMs, REST_MAX_MS);
    });
  }
}
