import { type Change, type Director, findRegistration, type Member } from "../director";
import { findService } from "../ipvs";
import { realServerKey } from "../spec";
import { RolloutError, UnaskedError } from "./errors";
import { type Entrant, entering } from "./gate";

/** Who was asked at a gate: servers, by director's name. */
export type Asked = ReadonlyMap<string, ReadonlySet<string>>;

/** How often a change goes through its gate when directors change under it. */
const ROUNDS = 3;

/** Who has been asked at a gate. */
export function askedOf(directors: Iterable<Director>, entrants: readonly Entrant[]): Asked {
  const servers = (name: string) =>
    entrants.filter(({ director }) => director.name === name).map(({ member }) => realServerKey(member));
  return new Map([...directors].map(({ name }) => [name, new Set(servers(name))]));
}

/**
 * A change that lets nobody in who was not asked. Who is asked was decided by what a director held then; a change is
 * computed from what it holds when it is written, and a table may have been emptied, or a server drained by hand, in
 * between.
 *
 * @param members those of the change that are let in, not those that are held back
 */
export function guarded(change: Change, members: readonly Member[], adopts: boolean, asked: Asked): Change {
  return {
    ...change,
    apply(basis) {
      const before = findRegistration(basis.registry, change.key)?.registration;
      const service = findService(basis.table, change.key);
      const unasked = entering(before, service, members, adopts)
        .map(realServerKey)
        .filter((server) => !asked.get(basis.director)?.has(server));
      if (unasked.length > 0) throw new UnaskedError(basis.director, unasked);
      return change.apply(basis);
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
