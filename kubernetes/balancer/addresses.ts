import { canonicalAddress, type Family, familyOf } from "../../spec";
import { type AddressPool, addressNumber, numberAddress } from "../../spec/kubernetes";
import { nameOf } from "../subject";
import { claimedAddresses } from "./claims";
import type { BalancedService } from "./service";

/** A pool by its name. */
export interface NamedPool extends AddressPool {
  readonly name: string;
}

/** What a Service gets. */
export interface Allotment {
  /** At most one of each of its families, in their order. */
  readonly addresses: readonly string[];
  readonly problems: readonly string[];
}

/** What {@link allot} goes by. */
export interface AllotmentBasis {
  readonly services: readonly BalancedService[];
  readonly pools: readonly NamedPool[];
  /** What was given before, by uid: a write of it may still be on its way. */
  readonly before: ReadonlyMap<string, readonly string[]>;
  /** Addresses that directors use for what is not ours. */
  readonly taken: ReadonlySet<string>;
  /** Whether {@link taken} is known; until then who has no address waits for one. Default: it is. */
  readonly mayGive?: boolean | undefined;
}

/**
 * Gives addresses to the Services that are served: by uid. What a Service has it keeps, as long as it asks for no other one;
 * where two have the same one, the older Service does. Nothing is given that a director still has for another Service.
 */
export function allot({
  services,
  pools,
  before,
  taken,
  mayGive = true,
}: AllotmentBasis): ReadonlyMap<string, Allotment> {
  const ordered = [...services].sort(byAge);
  const holders = new Map<string, string>();
  for (const { uid, claims } of ordered)
    for (const address of claimedAddresses(claims)) if (!holders.has(address)) holders.set(address, uid);
  const served = ordered.filter(({ isServed }) => isServed);
  const given = new Map<string, Map<Family, string>>(served.map(({ uid }) => [uid, new Map()]));
  const give = (uid: string, address: string) => {
    given.get(uid)?.set(familyOf(address), address);
    holders.set(address, uid);
  };
  const isFree = (uid: string, address: string) => {
    const holder = holders.get(address);
    return holder === uid || (holder === undefined && !taken.has(address));
  };
  for (const service of served)
    for (const family of service.families) {
      const kept = heldBy(service, pools, before).find((one) => {
        const holder = holders.get(one);
        return familyOf(one) === family && (holder === undefined || holder === service.uid);
      });
      if (kept !== undefined) give(service.uid, kept);
    }
  const outcomes = new Map<string, Allotment>();
  for (const service of served) {
    const { uid, asked, families } = service;
    const problems: string[] = [];
    const eligible = eligiblePools(service, pools, problems);
    for (const address of asked) {
      if (!mayGive && holders.get(address) !== uid) continue;
      const problem = askedProblem(service, address, eligible, (one) => isFree(uid, one));
      if (problem === undefined) give(uid, address);
      else problems.push(problem);
    }
    for (const family of families) {
      if (
        !mayGive ||
        given.get(uid)?.has(family) ||
        asked.some((one) => canonicalAddress(one) && familyOf(one) === family)
      )
        continue;
      const free = firstFree(eligible, family, (one) => isFree(uid, one));
      if (free !== undefined) give(uid, free);
      else
        problems.push(
          `${nameOf(service)}: no pool has ${family === "ipv4" ? "an IPv4" : "an IPv6"} address left`,
        );
    }
    const addresses = families.flatMap((family) => given.get(uid)?.get(family) ?? []);
    outcomes.set(uid, { addresses, problems });
  }
  return outcomes;
}

function byAge(a: BalancedService, b: BalancedService): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1;
  return a.uid < b.uid ? -1 : 1;
}

/** Addresses that a Service has, the surest first. A status may hold what another class has left there. */
function heldBy(
  { uid, told, claims }: BalancedService,
  pools: readonly NamedPool[],
  before: ReadonlyMap<string, readonly string[]>,
): string[] {
  const claimed = claimedAddresses(claims);
  const isOurs = (address: string) =>
    canonicalAddress(address) !== undefined &&
    (claimed.includes(address) || pools.some((pool) => contains(pool, address)));
  return [...told.filter(isOurs), ...(before.get(uid) ?? []), ...claimed];
}

function eligiblePools(
  { pool, asked }: BalancedService,
  pools: readonly NamedPool[],
  problems: string[],
): NamedPool[] {
  const sorted = [...pools].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (pool === undefined) return sorted.filter(({ autoAssign }) => autoAssign || asked.length > 0);
  const named = sorted.filter(({ name }) => name === pool);
  if (named.length === 0)
    problems.push(`heye.io/pool: expected the name of a pool, found ${JSON.stringify(pool)}`);
  return named;
}

function askedProblem(
  { families }: BalancedService,
  address: string,
  pools: readonly NamedPool[],
  isFree: (address: string) => boolean,
): string | undefined {
  if (canonicalAddress(address) === undefined)
    return `heye.io/addresses: expected an address, found ${JSON.stringify(address)}`;
  if (!families.includes(familyOf(address)))
    return `heye.io/addresses: expected an address of ${families.join(" or ")}, which the Service has, found ${address}`;
  if (!pools.some((pool) => contains(pool, address)))
    return `heye.io/addresses: expected an address of a pool, found ${address}`;
  return isFree(address) ? undefined : `heye.io/addresses: ${address} is in use`;
}

function contains({ ranges }: AddressPool, address: string): boolean {
  const number = addressNumber(address);
  return ranges.some(
    ({ first, last }) =>
      familyOf(first) === familyOf(address) &&
      addressNumber(first) <= number &&
      number <= addressNumber(last),
  );
}

/** Steps over what is in use alone, so a prefix of 2^64 addresses costs no more than those. */
function firstFree(
  pools: readonly NamedPool[],
  family: Family,
  isFree: (address: string) => boolean,
): string | undefined {
  for (const { ranges } of pools)
    for (const { first, last } of ranges) {
      if (familyOf(first) !== family) continue;
      const end = addressNumber(last);
      for (let number = addressNumber(first); number <= end; number++) {
        const address = numberAddress(number, family);
        if (isFree(address)) return address;
      }
    }
  return undefined;
}
