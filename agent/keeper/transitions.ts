import type { Probe, ServerHealth } from "../../health";
import { realServerKey } from "../../spec";
import type { Log } from "../log";
import type { Observer } from "../observer";
import type { Turns } from "../turns";
import type { LastLook } from "./last-look";

/** Hears of servers that went down or came back, and has the kernel follow: once for all that come together. */
export class Transitions {
  #count = 0;
  #heeding = false;

  /** @param reconcile makes the kernel follow; called in a turn of its own */
  constructor(
    private readonly parts: {
      readonly log: Log;
      readonly observer: Observer;
      readonly last: LastLook;
      readonly turns: Turns;
    },
    private readonly reconcile: () => Promise<void>,
  ) {}

  /** How often a server went down or came back: a table that was worked out before that is not to be left as it is. */
  get count(): number {
    return this.#count;
  }

  /** A server went down or came back. */
  heed(probe: Probe | undefined, { healthy, answer }: ServerHealth): void {
    const { log, observer, last, turns } = this.parts;
    const event = healthy ? "up" : "down";
    observer.turned(healthy);
    // Not the probe's key: it is made of the check's settings, and passwords could be tried against it.
    const server = probe && realServerKey(probe.target);
    log.warn({ event, server, check: probe?.check.type, answer }, `server is ${event}`);
    last.forget();
    this.#count++;
    if (this.#heeding) return;
    this.#heeding = true;
    turns.soon(() => {
      this.#heeding = false;
      return this.reconcile();
    });
  }
}
