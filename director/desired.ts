import {
  type Destination,
  destinationExtra,
  destinationKey,
  readDestinationExtra,
  type Service,
  type ServiceId,
  serviceExtra,
} from "../ipvs";
import {
  ADDRESS_BITS,
  familyOfIdentity,
  type RealServer,
  type Scheduler,
  type Tunnel,
  type VirtualServerIdentity,
} from "../spec";
import type { Member, Registration } from "./registry";
import { effectiveWeight } from "./weight";

/**
 * Whether a server takes new connections now: registered, let in, and really in the kernel with a weight. A registry
 * survives a reboot that empties the table, and people take servers out by hand.
 *
 * @param adopts what nobody registered is in service where the kernel says so
 */
export function isInService(
  registration: Registration | undefined,
  service: Service | undefined,
  member: string,
  adopts = false,
): boolean {
  const registered = registration?.members.find((one) => destinationKey(one) === member);
  const found = service?.destinations.find((one) => destinationKey(one) === member);
  const lets = registered === undefined ? adopts : effectiveWeight(registered) > 0;
  return lets && (found?.weight ?? 0) > 0;
}

/**
 * The service a registration stands for.
 *
 * An inline pool is the whole pool. In a pool made of separate resources, destinations that nobody registered belong
 * to somebody else and stay.
 *
 * @param found what the kernel holds
 * @param before members that were registered until now, by anybody: those that leave are ours, not somebody else's
 */
export function desiredService(
  registration: Registration,
  found: Service | undefined,
  before: readonly Member[] = [],
): Service {
  const destinations = registration.members.map((one) => desiredDestination(one, registration.scheduler));
  const ours = new Set([...registration.members, ...before].map(destinationKey));
  const foreign = (found?.destinations ?? []).filter((one) => !ours.has(destinationKey(one)));
  const { persistence, onePacket, schedulerFlags: flags } = registration;
  const bits = ADDRESS_BITS[familyOfIdentity(registration)];
  return {
    ...serviceId(registration),
    scheduler: registration.scheduler,
    extra: serviceExtra({ persistence, onePacket, flags }, bits),
    destinations: registration.pool === "inline" ? destinations : [...destinations, ...foreign],
  };
}

/** The destination a registered server stands for. */
export function desiredDestination(member: Member, scheduler: Scheduler): Destination {
  const { address, port, forwarding, lastWeight, upperThreshold = 0, lowerThreshold = 0 } = member;
  const weight = effectiveWeight(member);
  return {
    address,
    port,
    method: forwarding,
    weight,
    extra: destinationExtra(member),
    ...(upperThreshold > 0 && { thresholds: { upper: upperThreshold, lower: lowerThreshold } }),
    ...(scheduler === "mh" && weight === 0 && lastWeight !== undefined && { lastWeight }),
  };
}

/** The server that a destination is, in the words of the specification. */
export function observedServer({
  address,
  port,
  weight,
  method,
  extra,
  thresholds,
}: Destination): RealServer {
  const { tunnel } = readDestinationExtra(extra);
  const { upper = 0, lower = 0 } = thresholds ?? {};
  return {
    address,
    port,
    weight,
    forwarding: method,
    ...(tunnel && { tunnel: tunnel as Tunnel }),
    ...(upper > 0 && { upperThreshold: upper }),
    ...(lower > 0 && { lowerThreshold: lower }),
  };
}

/** A virtual server's identity in the kernel's terms. */
function serviceId(identity: VirtualServerIdentity): ServiceId {
  if (identity.fwmark === undefined) {
    return { protocol: identity.protocol, address: identity.address, port: identity.port };
  }
  const family = identity.family === "ipv6" ? " -6" : "";
  return { protocol: "fwmark", address: `${identity.fwmark}${family}`, port: 0 };
}
