import type { Change, Director } from "../director";

/**
 * Takes entries off directors that have left the cluster, as far as they can still be reached: a dead director is the
 * usual reason to remove one, and must not hold up the others.
 */
export async function leave(directors: readonly Director[], change: Change): Promise<void> {
  const outcomes = await Promise.allSettled(directors.map((director) => director.change(change)));
  for (const outcome of outcomes) {
    if (outcome.status === "fulfilled") continue;
    const reason = outcome.reason instanceof Error ? outcome.reason.message : String(outcome.reason);
    console.error(
      `warning: what stood on a director that left the cluster was not removed from it: ${reason}`,
    );
  }
}
