import { isDeepStrictEqual } from "node:util";
import type { Registration } from "../director/data";
import { type Destination, destinationKey, type Service } from "../ipvs";
import { realServerKey } from "../spec";
import { sorryMember } from "./wanted";

/** Servers of a virtual server that are ours, in the kernel or not. */
export function ourServers(registration: Registration): ReadonlySet<string> {
  const sorry = sorryMember(registration);
  return new Set([...registration.members, ...(sorry ? [sorry] : [])].map(realServerKey));
}

/** What stands there, with what we want otherwise than until now; all else stays as somebody else has made it. */
export function onlyOurs(found: Service, made: Service, wanted: Service, ours: ReadonlySet<string>): Service {
  const [before, after] = [destinationsOf(made), destinationsOf(wanted)];
  const isChanged = (key: string) => ours.has(key) && !isDeepStrictEqual(before.get(key), after.get(key));
  const standing = destinationsOf(found);
  const kept = found.destinations.flatMap((one) => {
    const key = destinationKey(one);
    return isChanged(key) ? (after.get(key) ?? []) : [one];
  });
  const added = wanted.destinations.filter((one) => {
    const key = destinationKey(one);
    return isChanged(key) && !standing.has(key);
  });
  const head = made.scheduler === wanted.scheduler && made.extra === wanted.extra ? found : wanted;
  return { ...head, destinations: [...kept, ...added] };
}

function destinationsOf({ destinations }: Service): Map<string, Destination> {
  return new Map(destinations.map((one) => [destinationKey(one), one]));
}
