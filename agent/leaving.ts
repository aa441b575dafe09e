import { type Registry, renderRegistry } from "../director/data";
import { realServerKey } from "../spec";
import { type Drain, without } from "./drains";
import { registrations } from "./probes";

/**
 * Virtual servers that have a real server.
 *
 * @param service only this one; undefined: all
 */
export function having(
  registry: Registry,
  server: string,
  service: string | undefined,
): Pick<Drain, "service" | "server">[] {
  return [...registrations(registry)]
    .filter(([key]) => service === undefined || key === service)
    .filter(([, { members }]) => members.some((one) => realServerKey(one) === server))
    .map(([key]) => ({ service: key, server }));
}

/** The registry's file without servers whose drains are over, and virtual servers whose last one has left. */
export function drained(registry: Registry, over: readonly Drain[]): string {
  const gone = new Map<string, Set<string>>();
  for (const { service, server } of over) gone.set(service, (gone.get(service) ?? new Set()).add(server));
  const owners = Object.entries(registry.owners).flatMap(([id, owner]) => {
    const services = Object.entries(owner.virtualServers)
      .map(([key, one]) => [key, without(one, gone.get(key) ?? new Set())] as const)
      .filter(([, one]) => !(one.leaving && one.members.length === 0));
    return services.length === 0
      ? []
      : [[id, { ...owner, virtualServers: Object.fromEntries(services) }] as const];
  });
  return renderRegistry({ owners: Object.fromEntries(owners) });
}
