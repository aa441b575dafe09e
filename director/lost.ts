import { destinationKey, type Service } from "../ipvs";
import { realServerKey, refusesAtWeightZero } from "../spec";
import type { Member, Registration } from "./registry";
import { effectiveWeight } from "./weight";

/**
 * The servers that a director has lost, by `realServerKey`: registered as in service, and not so in its kernel. A table
 * was emptied, somebody took them out by hand, or an agent that is there no more. Nobody knows whether they work, so nobody
 * lets them in unasked.
 */
export function lostServers(
  registration: Registration | undefined,
  service: Service | undefined,
): ReadonlySet<string> {
  if (!registration) return new Set();
  const serving = service?.destinations.filter(({ weight }) => weight > 0).map(destinationKey);
  const served = new Set(serving);
  const wanted = registration.members.filter((one) => effectiveWeight(one) > 0).map(realServerKey);
  return new Set(wanted.filter((server) => !served.has(server)));
}

/** Whether an agent watches a pool: it asks lost servers by itself. Checks are registered for agents alone. */
export function isWatchedPool(registration: Registration): boolean {
  return registration.healthCheck !== undefined;
}

/**
 * A registration as the kernel is to hold it while nobody has asked the servers that the director has lost: in their
 * places, at weight 0. Where a server at weight 0 refuses connections that others could take, one that is missing stays so.
 * What is registered does not change: the kernel's own word is why they are asked before they serve again.
 *
 * @param before what was registered until now
 * @param found what the kernel holds
 * @param admits whether a server has been asked, by `realServerKey`
 */
export function withholding(
  wanted: Registration,
  before: Registration | undefined,
  found: Service | undefined,
  admits: (member: string) => boolean,
): Registration {
  const lost = lostServers(before, found);
  const isHeldBack = (one: Member) =>
    effectiveWeight(one) > 0 && lost.has(realServerKey(one)) && !admits(realServerKey(one));
  if (lost.size === 0 || isWatchedPool(wanted) || !wanted.members.some(isHeldBack)) return wanted;
  const stands = new Set(found?.destinations.map(destinationKey));
  const refuses = refusesAtWeightZero(wanted.scheduler, wanted.schedulerFlags);
  const members = wanted.members.flatMap((one): Member[] => {
    if (!isHeldBack(one)) return [one];
    if (refuses && !stands.has(realServerKey(one))) return [];
    return [{ ...one, held: true, lastWeight: effectiveWeight(one) }];
  });
  return { ...wanted, members };
}
