import { randomBytes } from "node:crypto";
import {
  type Basis,
  canonicalJson,
  draining,
  effectiveWeight,
  inOrderOf,
  type Member,
  memberOf,
  OwnedElsewhereError,
  ownRegistration,
  putVirtualServer,
  type Registration,
  type Registry,
  refuseForeignDestination,
  registrationOf,
  watchedOf,
  withRegistration,
} from "../../director/data";
import {
  type DeclaredRealServer,
  DRAIN_MS,
  realServerKey,
  refusesAtWeightZero,
  type VirtualServer,
  type VirtualServerIdentity,
  virtualServerKey,
} from "../../spec";
import { virtualServerId } from "./ids";
import { API_OWNER, type Found, find, memberAt } from "./resources";

/** A server's place in its pool. */
export type Place = Pick<Member, "address" | "port">;

/** Bytes of the token by which a virtual server of the API is told from a later one of its name. */
const TOKEN_BYTES = 16;

/**
 * Declares a virtual server, new or in place of the API's own of that identity. Servers that it does not list any more
 * drain first, and are removed by the agent.
 *
 * @throws OwnedElsewhereError, ForeignEntryError
 */
export function withVirtualServer(basis: Basis, declared: VirtualServer): Registry {
  const key = virtualServerKey(declared);
  const before = ownRegistration(basis, API_OWNER, key);
  const adopts = declared.adopt === true;
  const listed = (declared.realServers ?? []).map((one) => asDeclared(one, before));
  const members = inOrderOf(listed, before?.members ?? []);
  const claim = {
    resource: virtualServerId(declared),
    token: before?.token ?? randomBytes(TOKEN_BYTES).toString("hex"),
  };
  const wanted = registrationOf(declared, claim, members, watchedOf(declared, before?.driftPolicy));
  const change = putVirtualServer(API_OWNER, key, wanted, {
    known: before !== undefined,
    adopts,
    unclaimed: "stay",
    leaving: refusesAtWeightZero(declared.scheduler, declared.schedulerFlags) ? "go" : "drain",
  });
  const after = change.apply(basis);
  return altered(after, find(after, declared), (one) => {
    const stands = before?.members.find((other) => realServerKey(other) === realServerKey(one));
    return one.draining && !stands?.draining ? leave(one) : [one];
  });
}

/**
 * Takes a virtual server of the API's away: at once where none of its servers has to drain, else when they have.
 *
 * @param drainMs for all of them; undefined: as each was declared
 * @throws OwnedElsewhereError
 */
export function withoutVirtualServer(basis: Basis, found: Found, drainMs: number | undefined): Registry {
  ownRegistration(basis, API_OWNER, found.key);
  const members = found.registration.members.flatMap((one) => leavingOf(found.registration, one, drainMs));
  const next = members.length === 0 ? undefined : { ...found.registration, members, leaving: true as const };
  return withRegistration(basis.registry, API_OWNER, found.key, next);
}

/**
 * Declares a real server in a pool, whoever owns the virtual server.
 *
 * @throws ForeignEntryError
 */
export function withRealServer(basis: Basis, found: Found, declared: DeclaredRealServer): Registry {
  const { key, registration } = found;
  const before = memberAt(found, declared);
  const server = realServerKey(declared);
  if (!before && registration.pool === "separate") refuseForeignDestination(basis, key, server);
  const wanted = asDeclared(declared, registration);
  if (before)
    return altered(basis.registry, found, (one) => (realServerKey(one) === server ? [wanted] : [one]));
  return withMembers(basis.registry, found, [...registration.members, wanted]);
}

/** Takes a real server out of its pool: at once where it does not have to drain, else when it has. */
export function withoutRealServer(
  { registry }: Basis,
  found: Found,
  at: Place,
  drainMs: number | undefined,
): Registry {
  const server = realServerKey(at);
  return altered(registry, found, (one) =>
    realServerKey(one) === server ? leavingOf(found.registration, one, drainMs) : [one],
  );
}

/** Gives a real server another weight. */
export function withWeight({ registry }: Basis, found: Found, at: Place, weight: number): Registry {
  const server = realServerKey(at);
  return altered(registry, found, (one) => [realServerKey(one) === server ? { ...one, weight } : one]);
}

/** Lets a real server take no new connections until that is taken back. */
export function withDrain({ registry }: Basis, found: Found, at: Place): Registry {
  const server = realServerKey(at);
  return altered(registry, found, (one) => [
    realServerKey(one) === server && !one.drained ? { ...one, drained: true as const } : one,
  ]);
}

/** Lets a real server take connections again, and stay where it was to leave. */
export function withoutDrain({ registry }: Basis, found: Found, at: Place): Registry {
  const server = realServerKey(at);
  const { leaving: _, ...staying } = found.registration;
  const kept = { ...found, registration: found.registration.leaving ? staying : found.registration };
  return altered(registry, kept, (one) => [realServerKey(one) === server ? awake(one) : one]);
}

/** Refuses what stands already. Throws OwnedElsewhereError. */
export function refuseExisting({ director, registry }: Basis, identity: VirtualServerIdentity): void {
  const found = find(registry, identity);
  if (!found) return;
  const owner = `${found.label} (VirtualServer ${found.registration.resource})`;
  const remedy =
    found.ownerId === API_OWNER.id
      ? "Use PUT or PATCH to change it."
      : "Use another address or port, or destroy it there first.";
  throw new OwnedElsewhereError(director, `virtual server ${found.key}`, owner, remedy);
}

/** What of a declared server is registered; its gate's and drain's state stay as they are. */
function asDeclared(declared: DeclaredRealServer, before: Registration | undefined): Member {
  const old = before?.members.find((one) => realServerKey(one) === realServerKey(declared));
  const { resource, token, parent, held, drained, lastWeight } = old ?? {};
  return {
    ...memberOf(declared),
    drainMs: declared.drainMs,
    ...(declared.healthCheck && { healthCheck: declared.healthCheck }),
    ...(resource !== undefined && { resource }),
    ...(token !== undefined && { token }),
    ...(parent !== undefined && { parent }),
    ...(held && { held }),
    ...(drained && { drained }),
    ...(lastWeight !== undefined && { lastWeight }),
  };
}

/** A server on its way out; gone at once where nothing is gained by a drain, or somebody's connections are refused by it. */
function leavingOf(registration: Registration, member: Member, drainMs: number | undefined): Member[] {
  const { scheduler, schedulerFlags } = registration;
  const allowedMs = drainMs ?? member.drainMs ?? DRAIN_MS;
  if (allowedMs === 0 || refusesAtWeightZero(scheduler, schedulerFlags)) return [];
  return [{ ...draining(member, allowedMs), leaving: true }];
}

function leave(member: Member): Member[] {
  const drainMs = member.drainMs ?? DRAIN_MS;
  return drainMs === 0 ? [] : [{ ...draining(member, drainMs), leaving: true }];
}

function awake({ drained: _, draining: __, leaving: ___, ...member }: Member): Member {
  return member;
}

/** A pool with each member altered; the same registry where that comes to nothing. */
function altered(
  registry: Registry,
  found: Found | undefined,
  alter: (member: Member) => readonly Member[],
): Registry {
  if (!found) return registry;
  return withMembers(registry, found, found.registration.members.flatMap(alter));
}

function withMembers(registry: Registry, found: Found, members: readonly Member[]): Registry {
  const { ownerId: id, label, key, registration } = found;
  const next = { ...registration, members };
  const standing = find(registry, registration)?.registration;
  if (standing && canonicalJson(standing) === canonicalJson(next)) return registry;
  return withRegistration(registry, { id, label }, key, next);
}

/** Servers that change between two registrations, and are to take connections afterwards. */
export function changedServers(before: Registration | undefined, after: Registration): Member[] {
  const known = new Map(before?.members.map((one) => [realServerKey(one), canonicalJson(one)]));
  return after.members.filter(
    (one) => effectiveWeight(one) > 0 && known.get(realServerKey(one)) !== canonicalJson(one),
  );
}
