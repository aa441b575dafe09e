import { type Director, type DirectorState, desiredService, type Registration } from "../director";
import { destinationKey, differences, findService, type Service } from "../ipvs";
import { type RealServer, realServerKey } from "../spec";
import { RolloutError } from "./errors";

/** What one director holds of a virtual server, next to what it should hold. */
export interface Sighting {
  readonly director: string;
  readonly state: DirectorState;
  readonly service: Service | undefined;
  readonly registration: Registration | undefined;
}

/** Differences by director's name, in sentences; directors without any are left out. */
export type Drift = Record<string, string[]>;

/**
 * Looks at one virtual server on every director.
 *
 * @throws RolloutError naming every director that could not be read: an unreachable director is not an empty one
 */
export async function sightings(
  directors: readonly Director[],
  ownerId: string,
  key: string,
): Promise<Sighting[]> {
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
    const registration = state.registry.owners[ownerId]?.virtualServers[key];
    return [{ director: director.name, state, service: findService(state.table, key), registration }];
  });
}

/** How a director's table differs from a registration; servers still held back by their gate are to have weight 0. */
export function driftOf(sighting: Sighting, key: string, wanted: Registration): string[] {
  const held = new Set(sighting.registration?.members.filter((one) => one.held).map(realServerKey));
  const members = wanted.members.map((one) =>
    held.has(realServerKey(one)) ? { ...one, held: true as const } : one,
  );
  const desired = desiredService({ ...wanted, members }, sighting.service);
  return differences(sighting.state.table, [desired], new Set([key]));
}

/** The pool a director really has, in the words of the specification; held servers keep their declared weight. */
export function observedPool({ service, registration }: Sighting): RealServer[] {
  return (service?.destinations ?? []).map((found) => {
    const member = registration?.members.find((one) => realServerKey(one) === destinationKey(found));
    const weight = member?.held && found.weight === 0 ? member.weight : found.weight;
    return { address: found.address, port: found.port, weight, forwarding: found.method };
  });
}
