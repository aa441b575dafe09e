import {
  type Applied,
  type Change,
  ConnectionLostError,
  type Director,
  type DirectorState,
  NotAppliedError,
  UnexpectedAnswerError,
} from "../director";
import { RolloutError } from "./errors";

/**
 * Asks every director whether a change may be made: all are reached, all errors come together, nothing is changed.
 *
 * @throws RolloutError
 */
export async function rehearseEverywhere(
  directors: readonly Director[],
  change: Change,
): Promise<Map<Director, DirectorState>> {
  const outcomes = await Promise.allSettled(directors.map((director) => director.rehearse(change)));
  const causes = rejections(outcomes);
  if (causes.length > 0)
    throw new RolloutError(
      causes,
      directors.length,
      "Nothing was changed on any director for this resource.",
    );
  const states = new Map<Director, DirectorState>();
  outcomes.forEach((outcome, index) => {
    const director = directors[index];
    if (director && outcome.status === "fulfilled") states.set(director, outcome.value);
  });
  return states;
}

/**
 * Makes a change on every director. When one fails, what it did on all others is undone.
 *
 * @throws RolloutError saying what each director holds now
 */
export async function changeEverywhere(directors: readonly Director[], change: Change): Promise<void> {
  const outcomes = await Promise.allSettled(directors.map((director) => director.change(change)));
  const causes = rejections(outcomes);
  if (causes.length === 0) return;
  const undoing = outcomes.map(async (outcome, index) => {
    const director = directors[index];
    const before = undoable(outcome);
    if (director && before) await director.change(change.undo(before.registration));
  });
  const stuck = rejections(await Promise.allSettled(undoing));
  const unknown = causes.filter(
    (cause) => cause instanceof ConnectionLostError || cause instanceof UnexpectedAnswerError,
  );
  const changed = outcomes.filter((outcome) => outcome.status === "fulfilled").length;
  const uncertain = stuck.length + unknown.length > 0;
  throw new RolloutError(
    [...causes, ...stuck],
    directors.length,
    consequence(changed, stuck.length, uncertain),
    uncertain,
  );
}

function consequence(changed: number, stuck: number, uncertain: boolean): string {
  if (stuck > 0)
    return `Putting back failed on ${stuck} as well (above); run \`pulumi up\` again to repair them.`;
  const others =
    changed === 0
      ? "Nothing was changed on the others."
      : `The ${changed} others were put back to what they held before.`;
  return uncertain
    ? `${others} Run \`pulumi up\` again when the failed ones can be reached: it repairs them.`
    : others;
}

function undoable(outcome: PromiseSettledResult<Applied>): { registration: Applied["before"] } | undefined {
  if (outcome.status === "fulfilled") return { registration: outcome.value.before };
  return outcome.reason instanceof NotAppliedError ? { registration: outcome.reason.before } : undefined;
}

function rejections(outcomes: readonly PromiseSettledResult<unknown>[]): Error[] {
  return outcomes.flatMap((outcome) => {
    if (outcome.status === "fulfilled") return [];
    return [outcome.reason instanceof Error ? outcome.reason : new Error(String(outcome.reason))];
  });
}
