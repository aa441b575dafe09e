import { setTimeout as delay } from "node:timers/promises";
import type { ActiveHealthCheck } from "../spec";
import { type CheckResult, runCheck } from "./check";
import type { Dial, Target } from "./checker";
import { Deadline } from "./deadline";

/** How waiting for a server ended. */
export interface Verdict extends CheckResult {
  /** Checks made. */
  readonly checks: number;
}

/** Consecutive successes so far; one failure starts the count again. */
export function nextStreak(streak: number, healthy: boolean): number {
  return healthy ? streak + 1 : 0;
}

/**
 * Checks a server until it has risen (`rise` consecutive successes) or its deadline is over; checks start
 * `intervalMs` apart, after a failure `retryMs`. The verdict carries the last answer.
 *
 * @param signal ends the waiting as if the deadline were over.
 */
export async function waitUntilHealthy(
  settings: ActiveHealthCheck,
  target: Target,
  dial: Dial,
  signal: AbortSignal = new AbortController().signal,
): Promise<Verdict> {
  const deadline = new Deadline(settings.deadlineMs, signal);
  try {
    return await checkUntil(settings, target, dial, deadline.signal);
  } finally {
    deadline.clear();
  }
}

async function checkUntil(
  settings: ActiveHealthCheck,
  target: Target,
  dial: Dial,
  deadline: AbortSignal,
): Promise<Verdict> {
  let streak = 0;
  let last: CheckResult = { healthy: false, answer: "not checked" };
  for (let checks = 1; ; checks++) {
    const started = performance.now();
    const result = await runCheck(settings, target, dial, deadline);
    // A check that the deadline cut short says nothing about the server; the answer before it does.
    if (!deadline.aborted || checks === 1) last = result;
    streak = nextStreak(streak, result.healthy);
    if (streak >= settings.rise) return { ...last, healthy: true, checks };
    const apartMs = result.healthy ? settings.intervalMs : (settings.retryMs ?? settings.intervalMs);
    const pauseMs = Math.max(0, apartMs - (performance.now() - started));
    if (!deadline.aborted) await delay(pauseMs, undefined, { signal: deadline }).catch(() => undefined);
    if (deadline.aborted) return { ...last, healthy: false, checks };
  }
}
