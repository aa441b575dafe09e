import { AgentDownError, ConnectionLostError, type Director, UnreachableError } from "../director";
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
  /** How many took part: all but those left out. */
  readonly total: number;
}

/** Whether a director that answers so, or not at all, may be left out. */
export type MayLack = (error: unknown) => boolean;

/** Nobody answers for a director's table: the host cannot be reached, or its agent does not run. */
export function isOutOfReach(error: unknown): error is Error {
  return error instanceof UnreachableError || error instanceof AgentDownError;
}

/**
 * A director that was asked what it holds has not said it: it cannot be reached, or it let one log in and was heard of no
 * more. To ask changes nothing, so there is nothing to be uncertain of.
 */
export function isSilent(error: unknown): error is Error {
  return isOutOfReach(error) || error instanceof ConnectionLostError;
}

/**
 * With `skip`, a director that cannot be reached may be left out.
 *
 * @param isAway who that is; `isSilent` where directors are asked and not changed
 */
export function skipping(unreachable: "fail" | "skip" = "fail", isAway: MayLack = isOutOfReach): MayLack {
  return (error) => unreachable === "skip" && isAway(error);
}

/**
 * Asks all directors at the same time. One that may lack what it is asked for is left out, as long as another one
 * answers: where nobody does there is nothing to leave it out for.
 */
export async function ask<T>(
  directors: readonly Director[],
  question: (director: Director) => Promise<T>,
  mayLack: MayLack,
): Promise<Reach<T>> {
  const outcomes = await Promise.allSettled(directors.map(question));
  const reached = new Map<Director, T>();
  const silent: { director: Director; error: Error }[] = [];
  const failed: typeof silent = [];
  outcomes.forEach((outcome, index) => {
    const director = directors[index];
    if (!director) return;
    if (outcome.status === "fulfilled") reached.set(director, outcome.value);
    else (mayLack(outcome.reason) ? silent : failed).push({ director, error: errorOf(outcome.reason) });
  });
  const causes = failed.map(({ error }) => error);
  if (reached.size === 0) causes.push(...silent.map(({ error }) => error));
  const behind = Object.fromEntries(silent.map(({ director, error }) => [director.name, withCode(error)]));
  return { reached, behind, causes, total: reached.size + causes.length };
}

/** What was thrown, as an error. */
export function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
