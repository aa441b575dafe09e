import { type Destination, destinationKey, type Service } from "../ipvs";
import { sortPool } from "../spec";
import type { Member, Registration } from "./registry";

/**
 * The weight a server gets in the kernel: the only place where it is computed. A server that has not passed its
 * gate takes no connections, whatever was declared.
 */
export function effectiveWeight(member: Pick<Member, "weight" | "held">): number {
  return member.held ? 0 : member.weight;
}

/**
 * Whether a server takes new connections now: registered, let in, and really in the kernel with a weight. A registry
 * survives a reboot that empties the table, and people take servers out by hand.
 */
export function isInService(
  registration: Registration | undefined,
  service: Service | undefined,
  member: string,
): boolean {
  const registered = registration?.members.find((one) => destinationKey(one) === member);
  const found = service?.destinations.find((one) => destinationKey(one) === member);
  return registered !== undefined && effectiveWeight(registered) > 0 && (found?.weight ?? 0) > 0;
}

/**
 * The service a registration stands for.
 *
 * An inline pool is the whole pool. In a pool made of separate resources, destinations that nobody registered belong
 * to somebody else and stay.
 *
 * @param found what the kernel holds
 * @param before what was registered until now: members that are leaving are ours, not somebody else's
 */
export function desiredService(
  registration: Registration,
  found: Service | undefined,
  before: Registration | undefined,
): Service {
  const destinations = sortPool(registration.members).map(desiredDestination);
  const ours = new Set([...registration.members, ...(before?.members ?? [])].map(destinationKey));
  const foreign = (found?.destinations ?? []).filter((one) => !ours.has(destinationKey(one)));
  return {
    protocol: registration.protocol,
    address: registration.address,
    port: registration.port,
    scheduler: registration.scheduler,
    extra: "",
    destinations: registration.pool === "inline" ? destinations : [...destinations, ...foreign],
  };
}

function desiredDestination(member: Member): Destination {
  return {
    address: member.address,
    port: member.port,
    method: member.forwarding,
    weight: effectiveWeight(member),
    extra: "",
  };
}
