import { goesByOrder, type ServiceSettings } from "../spec";
import type { Sighting } from "./observe";

/**
 * Directors that choose another server than the first one for some flows, though their tables print alike: mh, sh and dh go
 * by the order in which servers entered the kernel, and `ipvsadm --save` sorts it away. A director whose servers are
 * others altogether has drifted, which is told elsewhere.
 */
export function unlikeDirectors(
  key: string,
  { scheduler }: Pick<ServiceSettings, "scheduler">,
  seen: readonly Sighting[],
): string[] {
  if (!goesByOrder(scheduler)) return [];
  const orders = seen.flatMap(({ director, state }) => {
    const servers = state.limits?.get(key);
    return servers ? [{ director, order: [...servers.keys()] }] : [];
  });
  const [first] = orders;
  if (!first) return [];
  const members = new Set(first.order);
  return orders
    .filter(({ order }) => order.length === members.size && order.every((one) => members.has(one)))
    .filter(({ order }) => order.some((one, index) => one !== first.order[index]))
    .map(({ director }) => director);
}

/** What to say of such directors, and how to make them alike. */
export function unlikeWarning(
  key: string,
  scheduler: string,
  first: string,
  unlike: readonly string[],
): string {
  const names = unlike.join(", ");
  return (
    `${key}: ${names} got its servers in another order than ${first}, and ${scheduler} goes by it: some flows would change ` +
    `their server between them. To make them alike, take ${names} out of the switch and out of the Cluster, \`up\`, and put it back.`
  );
}
