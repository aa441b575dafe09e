import { type Change, type Director, entering, findRegistration, type Member } from "../director";
import { findService } from "../ipvs";
import { realServerKey } from "../spec";
import { type GateFailure, RolloutError, UnaskedError } from "./errors";
import type { Entrant } from "./gate";
import { lostOfOthers } from "./lost";
import type { GatedChange } from "./steps";

/** Servers, by director's name. */
type ByDirector = ReadonlyMap<string, ReadonlySet<string>>;

/** What a gate came to. */
export interface Answers {
  /** Who was asked. */
  readonly asked: ByDirector;
  /** Who of them did not become healthy, and is not let in. */
  readonly refused: ByDirector;
}

/** How often a change goes through its gate when directors change under it. */
const ROUNDS = 3;

/** Who has been asked at a gate, and who has failed there. */
export function answersOf(
  directors: Iterable<Director>,
  entrants: readonly Entrant[],
  failures: readonly GateFailure[],
): Answers {
  const names = [...directors].map(({ name }) => name);
  const asked = entrants.map(({ director, member }) => ({
    director: director.name,
    server: realServerKey(member),
  }));
  return { asked: byDirector(names, asked), refused: byDirector(names, failures) };
}

function byDirector(
  names: readonly string[],
  found: readonly { readonly director: string; readonly server: string }[],
): ByDirector {
  const servers = (name: string) => found.filter((one) => one.director === name).map(({ server }) => server);
  return new Map(names.map((name) => [name, new Set(servers(name))]));
}

/** What of a change decides about who has to be asked. */
type Gated = Pick<GatedChange, "adopts" | "checkOfOthers">;

/**
 * A change that lets nobody in who was not asked. Who is asked was decided by what a director held then; a change is
 * computed from what it holds when it is written, and a table may have been emptied, or a server drained by hand, in
 * between.
 *
 * @param members those of the change; of these, the ones that are held back need not be asked
 */
export function guarded(
  change: Change,
  members: readonly Member[],
  { adopts, checkOfOthers }: Gated,
  { asked, refused }: Answers,
): Change {
  const entitled = members.filter(({ held }) => !held);
  const has = (found: ByDirector, director: string, server: string) => !!found.get(director)?.has(server);
  const isAdmitted = (director: string, server: string) =>
    has(asked, director, server) && !has(refused, director, server);
  const lost = new Map<string, readonly string[]>();
  return {
    ...change,
    admits: isAdmitted,
    apply(basis) {
      const before = findRegistration(basis.registry, change.key)?.registration;
      const service = findService(basis.table, change.key);
      const own = entering(before, service, entitled, adopts).map(realServerKey);
      // A change that asks no others lets no others in, nor does its undoing.
      const others = checkOfOthers ? lostOfOthers(change, basis, members).map(realServerKey) : [];
      lost.set(basis.director, others);
      const unasked = [...own, ...others].filter((server) => !has(asked, basis.director, server));
      if (unasked.length > 0) throw new UnaskedError(basis.director, unasked);
      return change.apply(basis);
    },
    // Whoever got no connections by the change gets none by its undoing.
    undo: (before) => {
      const back = change.undo(before);
      const isLeftOut = (director: string, server: string) =>
        !!lost.get(director)?.includes(server) && !isAdmitted(director, server);
      return {
        ...back,
        admits: (director, server) => !!back.admits?.(director, server) && !isLeftOut(director, server),
      };
    },
  };
}

/**
 * Goes through a gate again where directors have changed meanwhile and nothing of the change was left on any: what a
 * later round says of directors would not be true of the rest of an earlier one. A director that may fail makes no
 * round: it is behind, as with any other failure.
 */
export async function anew<T>(attempt: () => Promise<T>): Promise<T> {
  for (let round = 1; ; round++) {
    try {
      return await attempt();
    } catch (error) {
      if (round === ROUNDS || !isStale(error)) throw error;
    }
  }
}

function isStale(error: unknown): boolean {
  return (
    error instanceof RolloutError &&
    !error.uncertain &&
    error.causes.every((cause) => cause instanceof UnaskedError)
  );
}
