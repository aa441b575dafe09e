import {
  type Basis,
  type Change,
  type Director,
  type DirectorState,
  findRegistration,
  lostServers,
  type Registry,
} from "../director";
import { findService } from "../ipvs";
import { realServerKey } from "../spec";
import type { GateFailure } from "./errors";
import type { Entrant } from "./gate";

/** Failures at a gate, by what they mean for the change. */
export interface Judged {
  /** Nothing is changed: who failed would take its first connections by this change. */
  readonly fatal: readonly GateFailure[];
  /**
   * The server serves already, and one director that had lost it, or joins, does without: the others of its pool are of more
   * use there than none.
   */
  readonly tolerable: readonly GateFailure[];
}

/**
 * Tells servers that a change lets in from servers that serve already and that some directors alone lack. In a fleet some server
 * is always dead: a director that lost its table is not to wait until all are well.
 *
 * @param waiting all who were asked for the change
 */
export function judge(
  key: string,
  states: ReadonlyMap<Director, DirectorState>,
  waiting: readonly Entrant[],
  failures: readonly GateFailure[],
): Judged {
  const lostOn = new Map([...states].map(([{ name }, state]) => [name, lostOf(key, state)]));
  const asked = new Set(waiting.map(({ director, member }) => `${director.name} ${realServerKey(member)}`));
  const serves = (server: string) => [...states.keys()].some(({ name }) => !asked.has(`${name} ${server}`));
  const isTolerable = ({ director, server }: GateFailure) =>
    !!lostOn.get(director)?.has(server) || serves(server);
  return {
    fatal: failures.filter((one) => !isTolerable(one)),
    tolerable: failures.filter(isTolerable),
  };
}

function lostOf(key: string, { registry, table }: Pick<Basis, "registry" | "table">): ReadonlySet<string> {
  return lostServers(findRegistration(registry, key)?.registration, findService(table, key));
}

/**
 * A change that holds servers back on directors where they were asked in vain, and registers that. One that a director has lost
 * gets no connections in any case (`withholding` in director/lost.ts), and stays registered as it was.
 */
export function holdingBack(change: Change, failures: readonly GateFailure[]): Change {
  if (failures.length === 0) return change;
  return {
    ...change,
    apply(basis) {
      const here = failures.filter(({ director }) => director === basis.director);
      const lost = lostOf(change.key, basis);
      const held = new Set(here.map(({ server }) => server).filter((server) => !lost.has(server)));
      return held.size === 0 ? change.apply(basis) : withHeld(change.apply(basis), change.key, held);
    },
  };
}

function withHeld(registry: Registry, key: string, held: ReadonlySet<string>): Registry {
  const found = findRegistration(registry, key);
  if (!found) return registry;
  const { ownerId, owner, registration } = found;
  const members = registration.members.map((one) =>
    held.has(realServerKey(one)) ? { ...one, held: true as const } : one,
  );
  const virtualServers = { ...owner.virtualServers, [key]: { ...registration, members } };
  return { owners: { ...registry.owners, [ownerId]: { ...owner, virtualServers } } };
}
