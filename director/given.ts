import { type Destination, destinationKey, findService, type Service } from "../ipvs";
import type { Change } from "./change";
import { findRegistration, type Registry, registeredMembers } from "./registry";
import type { DirectorState } from "./state";

type State = Pick<DirectorState, "registry" | "table">;

/** What is given back to nobody: a whole virtual server, or one member of it, as it stood. */
export interface Given {
  readonly key: string;
  /** Undefined: the whole. */
  readonly member: string | undefined;
  readonly service: Service;
}

/** What a change gives back: nothing where it lets go of nothing, because that had left before or is another's by now. */
export function givenBy(
  { key, member, leaves }: Change,
  director: string,
  before: Registry,
  after: Registry,
): readonly Given[] {
  const service = leaves?.(director);
  const isOwned = (registry: Registry) =>
    member === undefined
      ? findRegistration(registry, key) !== undefined
      : registeredMembers(registry, key).some((one) => destinationKey(one) === member);
  return service && isOwned(before) && !isOwned(after) ? [{ key, member, service }] : [];
}

/**
 * A virtual server that is given back: as it stood, but for servers that nobody has registered. What a separate pool has
 * of these was never touched, so they are as somebody else has made them since.
 */
export function asItStood(stood: Service, key: string, { registry, table }: State): Service {
  const ours = new Set(registeredMembers(registry, key).map(destinationKey));
  const isOurs = (one: Destination) => ours.has(destinationKey(one));
  if (findRegistration(registry, key)?.registration.pool !== "separate") return stood;
  const strangers = findService(table, key)?.destinations.filter((one) => !isOurs(one)) ?? [];
  return { ...stood, destinations: [...stood.destinations.filter(isOurs), ...strangers] };
}
