import type { CheckResult } from "./check";
import type { Dial } from "./checker";
import type { ServerHealth } from "./judge";
import type { Probe } from "./probe";

/** What a `Monitor` has done since its start. */
export interface MonitorCounters {
  /** Checks begun. */
  readonly checks: number;
  /** Checks that failed, those given up among them. */
  readonly failures: number;
  /** Checks that this host could not make, because it had run out of something; they say nothing of their server. */
  readonly inconclusive: number;
  /** Checks begun more than 100 ms, or a tenth of their interval if that is more, after they were due. */
  readonly late: number;
  /** Checks given up: they had not ended 1 s after their timeout. */
  readonly overdue: number;
  readonly transitions: number;
  /** Checks that are being made now. */
  readonly running: number;
}

/** Two clocks: the schedule keeps to one that nobody sets. */
export interface MonitorClock {
  /** Only ever goes forward, in ms. */
  monotonicMs(): number;
  /** In ms since 1970. */
  wallMs(): number;
}

/** Those of this process. */
export const SYSTEM_CLOCK: MonitorClock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};

/** What a `Monitor` works with. */
export interface MonitorOptions {
  readonly dial: Dial;
  /** Told of each change of mind, after the monitor's own state has changed. What it throws ends the process. */
  readonly onTransition: (key: string, health: ServerHealth) => void;
  /** Told of each check that ended, and how long it took, in ms; not of those whose probe is gone. */
  readonly onResult?: ((probe: Probe, result: CheckResult, tookMs: number) => void) | undefined;
  readonly clock?: MonitorClock | undefined;
  /** From 0 to 1, as Math.random. */
  readonly random?: (() => number) | undefined;
}
