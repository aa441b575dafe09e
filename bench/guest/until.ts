import { setTimeout as delay } from "node:timers/promises";
import type { Daemon } from "./contestant";

/** Looks again and again until something is so. @throws Error after `patienceMs`, or when the daemon has ended */
export async function until(
  isSo: () => boolean,
  daemon: Daemon,
  patienceMs: number,
  everyMs = 20,
): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!isSo()) {
    if (!daemon.runs) throw new Error("the contestant has ended");
    if (performance.now() > end) throw new Error(`not within ${patienceMs} ms`);
    await delay(everyMs);
  }
}
