import { entryName, type Service, serviceKey } from "../ipvs";

/**
 * What the kernel holds of a virtual server of which it has refused some entries: these are as they were made before.
 *
 * @param refused names of entries (see `entryName`)
 * @returns undefined: nothing of it was ever made
 */
export function madeBut(
  wanted: Service,
  before: Service | undefined,
  refused: ReadonlySet<string>,
): Service | undefined {
  const head = refused.has(serviceKey(wanted)) ? before : wanted;
  if (!head) return undefined;
  const isRefused = (one: Service["destinations"][number]) => refused.has(entryName(wanted, one));
  const taken = wanted.destinations.filter((one) => !isRefused(one));
  const left = (before?.destinations ?? []).filter(isRefused);
  return { ...head, destinations: [...taken, ...left] };
}
