import { setTimeout as delay } from "node:timers/promises";

/** The first pause, and the longest, in ms. */
const FIRST_MS = 200;
const LONGEST_MS = 10_000;

/**
 * How long to wait after so many failures in a row: twice as long each time, up to 10 s, and at least half of that, by
 * chance, so that those who failed together do not come back together.
 *
 * @param failures 1 after the first
 * @param askedMs what the server asked for; never less than that
 */
export function pauseMs(failures: number, askedMs = 0, random: () => number = Math.random): number {
  const ms = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures - 1, 20));
  return Math.max(askedMs, ms * (0.5 + random() / 2));
}

/** Waits; a signal that fires ends the waiting early, and is no error. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await delay(ms, undefined, { signal }).catch(() => undefined);
}
