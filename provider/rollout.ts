import { setTimeout as delay } from "node:timers/promises";
import {
  type Applied,
  type Change,
  ConnectionLostError,
  type Director,
  type DirectorState,
  NotAppliedError,
  NoVirtualServerError,
  SharedStoreError,
  UnexpectedAnswerError,
} from "../director";
import { RolloutError, withCode } from "./errors";
import { ask, type Behind, errorOf, isSilent, skipping } from "./reach";
import { type Rollout, wavesOf } from "./waves";

/** What is to happen with directors that do not take part. */
export interface Policy {
  readonly rollout?: Rollout | undefined;
  /** `skip`: a director that cannot be reached is left out, as long as another one can. Default `fail`. */
  readonly unreachable?: "fail" | "skip" | undefined;
}

/** A change that has been made. */
export interface Made {
  /** Directors that failed and may, with what the change did to them undone. */
  readonly behind: Behind;
  /**
   * Takes the change back where it was made; what that runs into is returned.
   *
   * @param except names of directors to be left as they are
   */
  readonly takeBack: (except?: ReadonlySet<string>) => Promise<Error[]>;
}

/** Who takes part in a change, and what each held when it was asked. */
export interface Rehearsal {
  readonly states: ReadonlyMap<Director, DirectorState>;
  /** Left out, because they could not be reached. */
  readonly behind: Behind;
}

/** How a director is asked whether a change may be made. */
export type Question = (director: Director, change: Change) => Promise<DirectorState>;

/** Asks for the thresholds too: what takes over entries has to know them, to edit them and to give them back. */
export const withThresholds: Question = async (director, change) => {
  const { limits } = await director.inspect(0);
  const state = await director.rehearse(change);
  return limits ? { ...state, limits } : state;
};

/**
 * Asks every director whether a change may be made: all are asked, all errors come together, nothing is changed.
 *
 * @throws RolloutError
 */
export async function rehearseEverywhere(
  directors: readonly Director[],
  change: Change,
  policy: Policy = {},
  question: Question = (director) => director.rehearse(change),
): Promise<Rehearsal> {
  const rehearse = (director: Director) => question(director, change);
  const { reached, behind, causes, total } = await ask(directors, rehearse, (error) =>
    mayLack(error, policy),
  );
  if (causes.length > 0) {
    const nothing = "Nothing was changed on any director for this resource.";
    throw new RolloutError(causes, total, nothing);
  }
  return { states: reached, behind };
}

/**
 * A director that was left out when a virtual server was changed has none to put real servers into: they are left out
 * there as well, and follow it later.
 */
function mayLack(error: unknown, { unreachable, rollout }: Policy): boolean {
  if (skipping(unreachable, isSilent)(error)) return true;
  const mayBeBehind = unreachable === "skip" || (rollout?.maxFailures ?? 0) > 0;
  return mayBeBehind && error instanceof NoVirtualServerError;
}

interface Failed {
  readonly director: Director;
  readonly error: Error;
}

/**
 * Makes a change on the directors, wave by wave. When more of them fail than may, no further wave begins, and what the
 * change did is undone everywhere.
 *
 * @throws RolloutError saying what each director holds now
 */
export async function changeEverywhere(
  directors: readonly Director[],
  change: Change,
  { rollout, unreachable }: Policy = {},
): Promise<Made> {
  const done = new Map<Director, Applied>();
  const failed: Failed[] = [];
  const apart: Failed[] = [];
  // Cut off from what directors share, it follows the others as soon as it is not any more.
  const isApart = (error: unknown) => unreachable === "skip" && error instanceof SharedStoreError;
  const waves = wavesOf(directors, rollout);
  for (const [index, wave] of waves.entries()) {
    if (index > 0 && rollout?.pauseMs) await delay(rollout.pauseMs);
    const outcomes = await Promise.allSettled(wave.map((director) => director.change(change)));
    outcomes.forEach((outcome, at) => {
      const director = wave[at];
      if (!director) return;
      if (outcome.status === "fulfilled") done.set(director, outcome.value);
      else (isApart(outcome.reason) ? apart : failed).push({ director, error: errorOf(outcome.reason) });
    });
    // Where none could be asked there is nobody whom they could follow.
    if (done.size === 0) failed.push(...apart.splice(0));
    if (failed.length > (rollout?.maxFailures ?? 0) || done.size === 0) {
      const untouched = waves.slice(index + 1).flat();
      if (failed.length > 0) throw await undone(change, done, failed, untouched, directors.length);
    }
  }
  const takeBack = async (except: ReadonlySet<string> = new Set()) => {
    const taken = [...done].filter(([director]) => !except.has(director.name));
    const undoing = taken.map(([director, applied]) => undo(change, director, applied));
    return (await Promise.all(undoing)).filter((error) => error !== undefined);
  };
  const following = apart.map(({ director, error }) => [director.name, withCode(error)] as const);
  return { behind: { ...Object.fromEntries(following), ...(await leftBehind(change, failed)) }, takeBack };
}

/** Puts those back that failed and may, and says why they are behind. */
async function leftBehind(change: Change, failed: readonly Failed[]): Promise<Behind> {
  const reasons = failed.map(async ({ director, error }) => {
    const stuck = await undo(change, director, beforeOf(error));
    const rest = stuck ? ` What it has of the change could not be put back: ${withCode(stuck)}` : "";
    return [director.name, `${withCode(error)}${rest}`] as const;
  });
  return Object.fromEntries(await Promise.all(reasons));
}

/** Puts everybody back and says who is in which state. */
async function undone(
  change: Change,
  done: ReadonlyMap<Director, Applied>,
  failed: readonly Failed[],
  untouched: readonly Director[],
  total: number,
): Promise<RolloutError> {
  const undoing = [
    ...[...done].map(([director, applied]) => undo(change, director, applied)),
    ...failed.map(({ director, error }) => undo(change, director, beforeOf(error))),
  ];
  const stuck = (await Promise.all(undoing)).filter((error) => error !== undefined);
  const unknown = failed.filter(
    ({ error }) => error instanceof ConnectionLostError || error instanceof UnexpectedAnswerError,
  );
  const uncertain = stuck.length + unknown.length > 0;
  const causes = [...failed.map(({ error }) => error), ...stuck];
  const put = [...done.keys()].map(({ name }) => name);
  const rest = untouched.map(({ name }) => name);
  const isAlone = failed.length + rest.length === total;
  return new RolloutError(
    causes,
    total,
    consequence({ put, rest, isAlone, uncertain }, stuck.length),
    uncertain,
  );
}

/** The directors that did not fail. */
interface Others {
  readonly put: readonly string[];
  /** Those whose wave had not begun. */
  readonly rest: readonly string[];
  /** All that were asked have failed. */
  readonly isAlone: boolean;
  /** Of some that failed it is not known what they hold. */
  readonly uncertain: boolean;
}

/** What directors hold after a change that failed on some. */
export function consequence({ put, rest, isAlone, uncertain }: Others, stuck: number): string {
  if (stuck > 0) return notPutBack(stuck);
  const nothing = isAlone
    ? "All that were asked have failed: there was nothing to put back."
    : "Nothing was changed on the others.";
  const said = [
    put.length === 0 ? nothing : `Put back to what they held before: ${put.join(", ")}.`,
    ...(rest.length === 0 ? [] : [`Their wave had not begun: ${rest.join(", ")}.`]),
    ...(uncertain ? ["Run `pulumi up` again when the failed ones can be reached: it repairs them."] : []),
  ];
  return said.join(" ");
}

/** What to say where a change could not be undone on so many directors. */
export function notPutBack(stuck: number): string {
  return `Putting back failed on ${stuck} as well (above); run \`pulumi up --refresh\` to repair them.`;
}

/** What a director held before, where the change has or may have been made and can be taken back. */
type Before = Pick<Applied, "before"> | undefined;

async function undo(change: Change, director: Director, before: Before): Promise<Error | undefined> {
  if (!before) return undefined;
  try {
    await director.change(change.undo(before.before));
    return undefined;
  } catch (error) {
    return errorOf(error);
  }
}

function beforeOf(error: Error): Before {
  return error instanceof NotAppliedError ? { before: error.before } : undefined;
}
