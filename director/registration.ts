import { type DeclaredRealServer, identityOf, realServerKey, type VirtualServer } from "../spec";
import type { Claim } from "./claim";
import type { Member, Registration, Watched } from "./registry";

/** Whose a registration is, as it is written down. */
export type NamedClaim = Claim & { readonly resource: string };

/**
 * What is registered of a declared virtual server.
 *
 * @param members its pool, as it is registered
 * @param watched what an agent goes by; see {@link watchedOf}. undefined: there is none
 */
export function registrationOf(
  declared: VirtualServer,
  claim: NamedClaim,
  members: readonly Member[],
  watched?: Watched,
): Registration {
  const { scheduler, schedulerFlags, persistence, onePacket } = declared;
  return {
    ...identityOf(declared),
    ...claim,
    scheduler,
    ...(schedulerFlags && { schedulerFlags }),
    ...(persistence && { persistence }),
    ...(onePacket && { onePacket }),
    ...watched,
    pool: declared.realServers ? "inline" : "separate",
    members,
  };
}

/** What an agent goes by of a declared virtual server. */
export function watchedOf(
  { healthCheck, quorum, sorryServer, onUnhealthy, failOpenPercent }: VirtualServer,
  driftPolicy?: "repair" | "report",
): Watched {
  return {
    healthCheck,
    ...(quorum && { quorum }),
    ...(sorryServer && { sorryServer }),
    ...(onUnhealthy && { onUnhealthy }),
    ...(failOpenPercent && { failOpenPercent }),
    ...(driftPolicy === "report" && { driftPolicy }),
  };
}

/** What of a declared server is registered: all that the kernel is to hold. */
export function memberOf(server: DeclaredRealServer): Member {
  const { address, port, weight, forwarding, tunnel, upperThreshold, lowerThreshold } = server;
  return {
    address,
    port,
    weight,
    forwarding,
    ...(tunnel && { tunnel }),
    ...(upperThreshold && { upperThreshold }),
    ...(lowerThreshold && { lowerThreshold }),
  };
}

/**
 * The members in the order in which they were registered: hashing schedulers depend on it, so a director that is filled
 * anew must be filled as the others were. New ones come last, in their own order.
 */
export function inOrderOf<T extends Pick<Member, "address" | "port">>(
  members: readonly T[],
  registered: readonly Member[],
): T[] {
  const places = new Map(registered.map((one, index) => [realServerKey(one), index]));
  const place = (one: T) => places.get(realServerKey(one)) ?? registered.length;
  return [...members].sort((a, b) => place(a) - place(b));
}
