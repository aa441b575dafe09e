import type { Change, Director } from "../director";

/** Directors that could not be reached in this process: each resource would wait for them anew. */
const unreachable = new WeakMap<Director, string>();

/**
 * Takes entries off directors that have left the cluster, as far as they can still be reached: a dead director is the
 * usual reason to remove one, and must not hold up the others. A warning says what may still stand where.
 */
export async function leave(directors: readonly Director[], change: Change): Promise<void> {
  await Promise.all(
    directors.map(async (director) => {
      const reason = unreachable.get(director) ?? (await attempt(director, change));
      if (reason === undefined) return;
      unreachable.set(director, reason);
      console.error(
        `warning: virtual server ${change.key} may still stand on a director that left the cluster. ${reason} ` +
          "When it is back, add it to the cluster once more and remove it again, or see docs/errors.md (entries of an owner who is gone).",
      );
    }),
  );
}

async function attempt(director: Director, change: Change): Promise<string | undefined> {
  try {
    await director.change(change);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
