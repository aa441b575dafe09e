import { destinationExtra, destinationKey, type Service } from "../ipvs";
import { realServerKey } from "../spec";
import { isInService } from "./desired";
import type { Member, Registration } from "./registry";

/**
 * The servers that take no new connections on a director now and will after the change, by the kernel's word as well as
 * the registry's, and those that connections will reach in another way (forwarding, tunnel). Only they are checked: a
 * change of weight among servers in service waits for nobody.
 *
 * @param adopts the kernel's word alone counts
 */
export function entering(
  before: Registration | undefined,
  service: Service | undefined,
  wanted: readonly Member[],
  adopts = false,
): Member[] {
  return wanted.filter(
    (member) =>
      member.weight > 0 &&
      !(isInService(before, service, realServerKey(member), adopts) && isReachedAlike(service, member)),
  );
}

function isReachedAlike(service: Service | undefined, member: Member): boolean {
  const found = service?.destinations.find((one) => destinationKey(one) === realServerKey(member));
  return found?.method === member.forwarding && found.extra === destinationExtra(member);
}
