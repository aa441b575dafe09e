import { destinationKey, findService, renderEdit, type Table } from "../ipvs";
import type { Claim } from "./claim";
import { ForeignEntryError, OwnedElsewhereError } from "./errors";
import { findRegistration, type Registration, type Registry, registeredMembers } from "./registry";

/** Who changes something: one cluster resource of one stack. */
export interface Actor {
  readonly id: string;
  /** For people, in other stacks' errors. */
  readonly label: string;
}

/** What a change is computed from. */
export interface Basis {
  readonly director: string;
  readonly registry: Registry;
  readonly table: Table;
}

/** The actor's registration of a virtual server, if it has one. Throws when somebody else does. */
export function ownRegistration(basis: Basis, actor: Actor, key: string): Registration | undefined {
  const found = findRegistration(basis.registry, key);
  if (found && found.ownerId !== actor.id) {
    throw new OwnedElsewhereError(
      basis.director,
      `virtual server ${key}`,
      `${found.owner.label} (VirtualServer ${found.registration.resource})`,
      "Use another address or port, or destroy it there first.",
    );
  }
  return found?.registration;
}

/** Throws when the kernel holds the virtual server; for one that nobody registered. */
export function refuseForeignService(basis: Basis, key: string): void {
  const found = findService(basis.table, key);
  if (!found) return;
  const servers = found.destinations.map(destinationKey).join(", ") || "no real servers";
  const what = `scheduler ${found.scheduler}, ${servers}`;
  throw new ForeignEntryError(basis.director, `virtual server ${key}`, what);
}

/** Throws when the kernel holds the real server; for one that nobody registered. */
export function refuseForeignDestination(basis: Basis, key: string, member: string): void {
  const service = findService(basis.table, key);
  const found = service?.destinations.find((one) => destinationKey(one) === member);
  if (!service || !found) return;
  const line = renderEdit({ kind: "add-destination", service, destination: found });
  throw new ForeignEntryError(
    basis.director,
    `real server ${member} of virtual server ${key}`,
    `\`ipvsadm ${line}\``,
  );
}

/** Throws when a separate pool holds real servers that nobody registered: they would go with their virtual server. */
export function refuseStrangers(basis: Basis, key: string): void {
  // A change that was cut off while one owner followed another leaves both registered.
  const ours = new Set(registeredMembers(basis.registry, key).map(destinationKey));
  const strangers = (findService(basis.table, key)?.destinations ?? []).filter(
    (one) => !ours.has(destinationKey(one)),
  );
  for (const { address, port } of strangers)
    refuseForeignDestination(basis, key, destinationKey({ address, port }));
}

/** The entry is another resource's of the same stack. */
export function otherResource(
  director: string,
  entry: string,
  { resource, parent }: Claim,
  type: string,
): OwnedElsewhereError {
  const place = parent === undefined ? "" : ` (in a ${parent})`;
  return new OwnedElsewhereError(
    director,
    entry,
    `${type} ${resource}${place} of this stack`,
    "Declare it once; when the resource was renamed or moved, tell Pulumi with `aliases`.",
  );
}

/** The virtual server fills its pool itself. */
export function inlinePool(director: string, key: string, resource: string): OwnedElsewhereError {
  return new OwnedElsewhereError(
    director,
    `the pool of virtual server ${key}`,
    `VirtualServer ${resource}, which lists its realServers itself`,
    "Add the server to that list, or remove the list to make the pool of RealServer resources.",
  );
}
