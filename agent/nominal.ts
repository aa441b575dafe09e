import { desiredDestination, type Registration } from "../director/data";
import { type Destination, destinationKey, type Service } from "../ipvs";
import { realServerKey } from "../spec";
import { sorryMember, type Wanted } from "./wanted";

/**
 * A virtual server as it was declared, where the kernel holds it otherwise for a reason of health alone: a server that is
 * down has its weight, a sorry server is not there. Whoever declares things sees in it what was declared, and what
 * somebody else has changed; what health does is neither.
 *
 * @returns `found` itself where health has changed nothing
 */
export function nominalService(
  found: Service,
  registration: Registration,
  { service, out }: Wanted,
): Service {
  const sorry = sorryMember(registration);
  if (out.size === 0 && !sorry) return found;
  const members = new Map(registration.members.map((one) => [realServerKey(one), one]));
  const wanted = new Map(service.destinations.map((one) => [destinationKey(one), one]));
  const declared = (key: string): Destination | undefined => {
    const member = members.get(key);
    return member && desiredDestination(member, registration.scheduler);
  };
  const seen = found.destinations.flatMap((one): Destination[] => {
    const key = destinationKey(one);
    if (!isAlike(one, wanted.get(key))) return [one];
    if (sorry && key === realServerKey(sorry) && !members.has(key)) return [];
    return [(out.has(key) && declared(key)) || one];
  });
  const standing = new Set(found.destinations.map(destinationKey));
  const taken = [...out].filter((key) => !standing.has(key) && !wanted.has(key));
  return { ...found, destinations: [...seen, ...taken.flatMap((key) => declared(key) ?? [])] };
}

/** Thresholds are not among what a table tells. */
function isAlike(one: Destination, other: Destination | undefined): boolean {
  return (
    other !== undefined &&
    one.method === other.method &&
    one.weight === other.weight &&
    one.extra === other.extra
  );
}
