/**
 * Health checks: one file a protocol, each asking a server over a stream that the caller dials, and the schedule
 * that turns single answers into a verdict. Knows nothing of IPVS, of directors or of what a verdict is used for.
 */
export { type CheckResult, runCheck } from "./check";
export { type Checker, CheckFailedError, type Dial, type Target } from "./checker";
export { type DirectDialOptions, directDial } from "./direct-dial";
export type { History, PastCheck, Transition } from "./history";
export { judge, type Limits, type ServerHealth } from "./judge";
export { Monitor } from "./monitor";
export type { MonitorClock, MonitorCounters, MonitorOptions } from "./monitor-options";
export { type Probe, probeKey } from "./probe";
export { nextStreak, type Verdict, waitUntilHealthy } from "./wait";
