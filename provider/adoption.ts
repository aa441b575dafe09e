import {
  type Change,
  type Director,
  type DirectorState,
  desiredService,
  findRegistration,
  type Registration,
} from "../director";
import { findService, type Limits, plan, renderEdit, type Service, withLimits } from "../ipvs";
import { realServerKey } from "../spec";

/**
 * What taking over a virtual server that nobody has registered does to it, a sentence for each director that holds one.
 * A preview reaches no director, so this is the first that anybody hears of it.
 */
export function adoptions(
  key: string,
  change: Change,
  states: ReadonlyMap<Director, DirectorState>,
): string[] {
  return [...states].flatMap(([director, { registry, table: plain, limits = new Map() }]) => {
    const table = withLimits(plain, limits);
    const found = findService(table, key);
    if (!found || findRegistration(registry, key)) return [];
    const next = change.apply({ director: director.name, registry, table });
    const registration = findRegistration(next, key)?.registration;
    if (!registration) return [];
    const desired = desiredService(registration, found);
    const edits = plan(table, [desired], new Set([key])).map((edit) => `ipvsadm ${renderEdit(edit)}`);
    const what = edits.length === 0 ? "it is as declared" : `changed by ${edits.join("; ")}`;
    return [`${key} on director ${director.name} belonged to nobody and was taken over: ${what}`];
  });
}

/**
 * A change that, taken back, gives what it took over back to nobody, as it stood when it was taken over. That is not what
 * stood when directors were first asked: gates, waves and pauses lie in between, and others go on meanwhile. Thresholds
 * alone are those of then: a table that is read for a change does not tell them.
 *
 * @param limits thresholds, by director's name
 */
export function givingBack(change: Change, limits: ReadonlyMap<string, Limits | undefined>): Change {
  const { key, member } = change;
  const isOwned = (registration: Registration | undefined) =>
    member === undefined
      ? registration !== undefined
      : (registration?.members.some((one) => realServerKey(one) === member) ?? false);
  const stood = new Map<string, Service | undefined>();
  const leaves = (director: string) => stood.get(director);
  return {
    ...change,
    apply(basis) {
      // Computed anew after the answer was lost, it finds its own registration: what it took over is known from before.
      if (!isOwned(findRegistration(basis.registry, key)?.registration))
        stood.set(basis.director, limited(findService(basis.table, key), limits.get(basis.director)));
      return change.apply(basis);
    },
    undo: (before) => (isOwned(before) ? change.undo(before) : leaving(change.undo(before), leaves)),
  };
}

function limited(service: Service | undefined, limits: Limits = new Map()): Service | undefined {
  return service && withLimits([service], limits)[0];
}

function leaving(change: Change, leaves: NonNullable<Change["leaves"]>): Change {
  return {
    ...change,
    leaves,
    // What stands goes on standing, so there are no strangers in it for whose sake to refuse.
    apply: (basis) => change.apply(leaves(basis.director) ? { ...basis, table: [] } : basis),
  };
}
