import { findRegistration, type Member, type Registration, type Registry } from "../director/data";
import { type Probe, probeKey } from "../health";
import type { HealthCheck } from "../spec";

/** How the servers of one registration are checked. */
interface PoolProbes {
  readonly probes: ReadonlyMap<string, Probe>;
  /** The key of each member's probe; undefined: nothing is asked of it. */
  readonly keys: ReadonlyMap<Member, string | undefined>;
}

/**
 * Registrations and registries are never changed once they are made, and those that a change leaves alone are the same
 * objects after it: what follows from one is worked out once.
 */
const poolProbes = new WeakMap<Registration, PoolProbes>();
const registrationsOf = new WeakMap<Registry, ReadonlyMap<string, Registration>>();

/** How a member is checked; undefined: nothing is asked of it. */
export function probeOf(registration: Registration, member: Member): Probe | undefined {
  const check: HealthCheck | undefined = member.healthCheck ?? registration.healthCheck;
  if (check === undefined || check.type === "none") return undefined;
  return { check, target: { address: member.address, port: member.port } };
}

/** The key of a member's probe; undefined: nothing is asked of it. */
export function keyOf(registration: Registration, member: Member): string | undefined {
  const { keys } = probesOfPool(registration);
  if (keys.has(member)) return keys.get(member);
  // A copy that somebody has made of it.
  const probe = probeOf(registration, member);
  return probe && probeKey(probe);
}

/** All virtual servers of a registry, each once, by their keys. */
export function registrations(registry: Registry): ReadonlyMap<string, Registration> {
  const known = registrationsOf.get(registry);
  if (known) return known;
  const keys = new Set(Object.values(registry.owners).flatMap((owner) => Object.keys(owner.virtualServers)));
  const all = new Map(
    [...keys].flatMap((key) => {
      const found = findRegistration(registry, key);
      return found ? [[key, found.registration] as const] : [];
    }),
  );
  registrationsOf.set(registry, all);
  return all;
}

/** Everything that is to be checked, by key: what several virtual servers ask alike is asked once. */
export function probesOf(registry: Registry): Map<string, Probe> {
  const all = new Map<string, Probe>();
  for (const registration of registrations(registry).values())
    for (const [key, probe] of probesOfPool(registration).probes) all.set(key, probe);
  return all;
}

function probesOfPool(registration: Registration): PoolProbes {
  const known = poolProbes.get(registration);
  if (known) return known;
  const probes = new Map<string, Probe>();
  const keys = new Map<Member, string | undefined>();
  for (const member of registration.members) {
    const probe = probeOf(registration, member);
    const key = probe && probeKey(probe);
    keys.set(member, key);
    if (probe && key !== undefined) probes.set(key, probe);
  }
  const made = { probes, keys };
  poolProbes.set(registration, made);
  return made;
}
