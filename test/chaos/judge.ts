/** Whether lost requests may have been lost. */
import type { TrafficReport } from "../../lab";
import { ENDING_AGENTS, type Fault, type Operation } from "./schedule";

/** Of the service under load. As small as a lab that stands still for a moment allows: every fault is waited for. */
export const CHECK = {
  type: "http",
  path: "/health",
  ...{ intervalMs: 250, timeoutMs: 1_500, rise: 2, fall: 3, deadlineMs: 15_000 },
} as const;

/** How long a server that fails may go on being used. */
const DETECTION_MS = (CHECK.intervalMs + CHECK.timeoutMs) * CHECK.fall;
/** How often an agent looks at its table. */
const POLL_MS = 2_000;
/** A lab has one processor for everybody in it. */
const SLACK_MS = 4_000;

/**
 * Until when requests may be lost by a fault, in ms since the load began; undefined: none may be. While agents are being started
 * again nobody finds anything out, and how long that takes is the lab's affair.
 *
 * @param at when the fault was over or had struck for good, and when the operation was made or refused
 */
export function lostUntil(
  { fault, operation }: { readonly fault: Fault; readonly operation: Operation },
  at: { readonly overMs: number; readonly operatedMs: number },
): number | undefined {
  const bound = boundOf(fault);
  if (bound === 0) return undefined;
  return bound + (ENDING_AGENTS.includes(operation) ? Math.max(at.overMs, at.operatedMs) : at.overMs);
}

/** Whether an operation may be refused while this is on, though no request may be lost by it. */
export function mayRefuse(fault: Fault): boolean {
  return !UNNOTICED.includes(fault);
}

/** Whoever declares something then has to notice nothing of it. */
const UNNOTICED: readonly Fault[] = [
  ...(["none", "two writers", "two writers of one service", "second agent", "API writers"] as const),
  ...(["etcd member stopped", "etcd member cut off", "etcd member replaced"] as const),
];

/** How long requests may be lost after a fault is over, or has struck for good, in ms; 0: none may be. */
export function boundOf(fault: Fault): number {
  switch (fault) {
    case "table wiped":
    case "weight edited":
      return POLL_MS + SLACK_MS;
    case "reboot director":
    case "power lost":
    case "server silent":
    case "server long dead":
    case "server dead at boot":
    case "server refuses":
    case "server never answers":
    case "server resets":
    case "server slow":
    case "server flaps":
    case "half dead":
    case "all dead":
    case "old table":
      return DETECTION_MS + SLACK_MS;
    default:
      return 0;
  }
}

/** A time in which requests may be lost, in ms since the load began. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A connection past all directors, or its answer, that takes longer tells that the lab itself stood still; each takes 5 ms. */
export const STANDSTILL_MS = 400;
/** What was begun so long before such a connection, or after it, may have met the same. */
const AROUND_MS = 1_500;

/**
 * When the lab itself stood still: by requests to a server that no director forwards.
 *
 * @param laterMs how much later that load began than the one that is judged
 */
export function standstills({ failures }: TrafficReport, laterMs = 0): Window[] {
  return failures.map(({ begunMs }) => ({
    fromMs: begunMs + laterMs - AROUND_MS,
    toMs: begunMs + laterMs + AROUND_MS,
  }));
}

/** Requests that may not have been lost, each in a sentence. */
export function unexcused(report: TrafficReport, windows: readonly Window[]): string[] {
  const { failures, failed } = report;
  const isExcused = (begunMs: number) =>
    windows.some(({ fromMs, toMs }) => begunMs >= fromMs && begunMs <= toMs);
  const some = failures
    .filter(({ begunMs }) => !isExcused(begunMs))
    .map(({ begunMs, atMs, text }) => `begun at ${begunMs} ms, failed at ${atMs} ms: ${text}`);
  const untold = failed - failures.length;
  return untold > 0 ? [...some, `${untold} more, of which nothing is known`] : some;
}
