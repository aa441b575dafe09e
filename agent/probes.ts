import { findRegistration, type Member, type Registration, type Registry } from "../director/data";
import { type Probe, probeKey } from "../health";
import type { HealthCheck } from "../spec";

/** How a member is checked; undefined: nothing is asked of it. */
export function probeOf(registration: Registration, member: Member): Probe | undefined {
  const check: HealthCheck | undefined = member.healthCheck ?? registration.healthCheck;
  if (check === undefined || check.type === "none") return undefined;
  return { check, target: { address: member.address, port: member.port } };
}

/** All virtual servers of a registry, each once, by their keys. */
export function registrations(registry: Registry): Map<string, Registration> {
  const keys = new Set(Object.values(registry.owners).flatMap((owner) => Object.keys(owner.virtualServers)));
  return new Map(
    [...keys].flatMap((key) => {
      const found = findRegistration(registry, key);
      return found ? [[key, found.registration] as const] : [];
    }),
  );
}

/** Everything that is to be checked, by key: what several virtual servers ask alike is asked once. */
export function probesOf(registry: Registry): Map<string, Probe> {
  const probes = new Map<string, Probe>();
  for (const registration of registrations(registry).values()) {
    for (const member of registration.members) {
      const probe = probeOf(registration, member);
      if (probe) probes.set(probeKey(probe), probe);
    }
  }
  return probes;
}
