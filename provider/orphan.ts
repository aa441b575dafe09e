const LOOK_EVERY_MS = 1_000;

let watching = false;

/**
 * Ends this process soon after the one that started it has gone. An engine that is killed leaves its providers behind;
 * one that waits at a gate would go on to change directors for a run that nobody sees and no state records. What has
 * been sent to a director is finished there all the same (see script.ts), and the next run finds it.
 */
export function endWithEngine(): void {
  if (watching) return;
  watching = true;
  const engine = process.ppid;
  setInterval(() => {
    if (process.ppid !== engine) process.exit(1);
  }, LOOK_EVERY_MS).unref();
}
