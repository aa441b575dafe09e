import { type Director, type DirectorState, desiredService, type Registration } from "../director";
import { differences, findService, type Service } from "../ipvs";
import { type RealServer, realServerKey } from "../spec";
import { RolloutError } from "./errors";

/** What one director holds of a virtual server, next to what it should hold. */
export interface Sighting {
  readonly director: string;
  readonly state: DirectorState;
  readonly service: Service | undefined;
}

/** Differences by director's name, in sentences; directors without any are left out. */
export type Drift = Record<string, string[]>;

/**
 * Looks at one virtual server on every director.
 *
 * @throws RolloutError naming every director that could not be read: an unreachable director is not an empty one
 */
export async function sightings(directors: readonly Director[], key: string): Promise<Sighting[]> {
  const outcomes = await Promise.allSettled(directors.map((director) => director.read()));
  const causes = outcomes.flatMap((outcome) =>
    outcome.status === "rejected" ? [outcome.reason as Error] : [],
  );
  if (causes.length > 0)
    throw new RolloutError(causes, directors.length, "What is recorded of them was kept.");
  return outcomes.flatMap((outcome, index) => {
    const director = directors[index];
    if (!director || outcome.status === "rejected") return [];
    const state = outcome.value;
    return [{ director: director.name, state, service: findService(state.table, key) }];
  });
}

/**
 * How a director's table differs from what was declared. A server still held back by its gate differs too: it takes no
 * connections although it was declared to.
 */
export function driftOf(sighting: Sighting, ownerId: string, key: string, wanted: Registration): string[] {
  const registration = sighting.state.registry.owners[ownerId]?.virtualServers[key];
  const registered = registration?.members ?? [];
  const unclaimed =
    wanted.pool === "separate" ? registered.filter(({ resource }) => resource === undefined) : [];
  const leftovers = unclaimed.map(
    (one) => `real server ${realServerKey(one)} is left over from an inline pool`,
  );
  const lost =
    sighting.service && !registration ? [`virtual server ${key} is no longer registered as ours`] : [];
  const desired = desiredService(wanted, sighting.service, undefined);
  return [...differences(sighting.state.table, [desired], new Set([key])), ...leftovers, ...lost];
}

/** The pool a director really has, in the words of the specification. */
export function observedPool({ service }: Sighting): RealServer[] {
  const pool = service?.destinations ?? [];
  return pool.map(({ address, port, weight, method }) => ({ address, port, weight, forwarding: method }));
}
