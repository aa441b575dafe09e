import { type Director, UnreachableError } from "../director";
import { withCode } from "./errors";

/** Directors that do not hold a change, and why, by name. */
export type Behind = Readonly<Record<string, string>>;

/** What asking directors came to. */
export interface Reach<T> {
  readonly reached: ReadonlyMap<Director, T>;
  /** Left out, because they could not be reached and need not be. */
  readonly behind: Behind;
  /** What stands in the way. */
  readonly causes: readonly Error[];
}

/**
 * Asks all directors at the same time. With `skip`, one that cannot be reached is left out, as long as another one
 * can: where nobody answers there is nothing to leave it out for.
 */
export async function ask<T>(
  directors: readonly Director[],
  question: (director: Director) => Promise<T>,
  unreachable: "fail" | "skip" = "fail",
): Promise<Reach<T>> {
  const outcomes = await Promise.allSettled(directors.map(question));
  const reached = new Map<Director, T>();
  const silent: { director: Director; error: Error }[] = [];
  const causes: Error[] = [];
  outcomes.forEach((outcome, index) => {
    const director = directors[index];
    if (!director) return;
    if (outcome.status === "fulfilled") reached.set(director, outcome.value);
    else if (unreachable === "skip" && outcome.reason instanceof UnreachableError) {
      silent.push({ director, error: outcome.reason });
    } else causes.push(outcome.reason instanceof Error ? outcome.reason : new Error(String(outcome.reason)));
  });
  if (reached.size === 0) causes.push(...silent.map(({ error }) => error));
  const behind = Object.fromEntries(silent.map(({ director, error }) => [director.name, withCode(error)]));
  return { reached, behind, causes };
}
