import { destinationKey, findService, renderEdit, type Table } from "../ipvs";
import { realServerKey } from "../spec";
import { ForeignEntryError, OwnedElsewhereError } from "./errors";
import {
  findRegistration,
  type Member,
  type Registration,
  type Registry,
  withRegistration,
} from "./registry";

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

/**
 * One resource's change to one virtual server, as a pure function: given what a director holds, what it is to hold.
 * Throws (ForeignEntryError, OwnedElsewhereError) when the change would touch what is not the actor's.
 */
export interface Change {
  /** Key of the virtual server: nothing else is touched. */
  readonly key: string;
  readonly apply: (basis: Basis) => Registry;
}

/** Puts a virtual server in place; for a separate pool the members registered so far stay. */
export function putVirtualServer(actor: Actor, key: string, wanted: Registration): Change {
  return {
    key,
    apply: (basis) => {
      const mine = ownRegistration(basis, actor, key);
      if (mine && mine.resource !== wanted.resource)
        throw otherResource(basis.director, key, mine.resource, "VirtualServer");
      if (!mine) refuseForeignService(basis, key);
      const members =
        wanted.pool === "inline" ? wanted.members : (mine?.members ?? []).filter((one) => one.resource);
      return withRegistration(basis.registry, actor, key, { ...wanted, members });
    },
  };
}

/** Takes a virtual server and its pool away. What is not there, or has been given to another resource, stays so. */
export function removeVirtualServer(actor: Actor, key: string, resource: string): Change {
  return {
    key,
    apply: (basis) => {
      const mine = basis.registry.owners[actor.id]?.virtualServers[key];
      if (mine?.resource !== resource) return basis.registry;
      return withRegistration(basis.registry, actor, key, undefined);
    },
  };
}

/** Puts a separate real server into a virtual server's pool. */
export function putMember(actor: Actor, key: string, wanted: Member & { readonly resource: string }): Change {
  return {
    key,
    apply: (basis) => {
      const mine = ownRegistration(basis, actor, key);
      if (!mine) throw noVirtualServer(basis.director, key);
      if (mine.pool === "inline") throw inlinePool(basis.director, key, mine.resource);
      const member = realServerKey(wanted);
      const old = mine.members.find((one) => realServerKey(one) === member);
      if (old && old.resource !== wanted.resource) {
        throw otherResource(
          basis.director,
          `${member} of virtual server ${key}`,
          old.resource ?? "?",
          "RealServer",
        );
      }
      if (!old) refuseForeignDestination(basis, key, member);
      const others = mine.members.filter((one) => one !== old);
      return withRegistration(basis.registry, actor, key, { ...mine, members: [...others, wanted] });
    },
  };
}

/** Takes a separate real server out of its pool. What is not there, or has been given to another resource, stays so. */
export function removeMember(actor: Actor, key: string, member: string, resource: string): Change {
  return {
    key,
    apply: (basis) => {
      const mine = basis.registry.owners[actor.id]?.virtualServers[key];
      const old = mine?.members.find((one) => realServerKey(one) === member);
      if (!mine || old?.resource !== resource) return basis.registry;
      const members = mine.members.filter((one) => one !== old);
      return withRegistration(basis.registry, actor, key, { ...mine, members });
    },
  };
}

/** Puts back what was registered before a change that is undone. */
export function restoreRegistration(actor: Actor, key: string, before: Registration | undefined): Change {
  return { key, apply: ({ registry }) => withRegistration(registry, actor, key, before) };
}

function ownRegistration(basis: Basis, actor: Actor, key: string): Registration | undefined {
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

function refuseForeignService(basis: Basis, key: string): void {
  const found = findService(basis.table, key);
  if (!found) return;
  const what = `scheduler ${found.scheduler}, ${found.destinations.length} real servers`;
  throw new ForeignEntryError(basis.director, `virtual server ${key}`, what);
}

function refuseForeignDestination(basis: Basis, key: string, member: string): void {
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

function otherResource(director: string, entry: string, resource: string, type: string): OwnedElsewhereError {
  return new OwnedElsewhereError(
    director,
    entry,
    `${type} ${resource} of this stack`,
    "Declare it once; when the resource was renamed, tell Pulumi with `aliases`.",
  );
}

function noVirtualServer(director: string, key: string): OwnedElsewhereError {
  return new OwnedElsewhereError(
    director,
    `virtual server ${key}`,
    "nobody: it is not registered there",
    "Run `pulumi up --refresh`, which finds and repairs it.",
  );
}

function inlinePool(director: string, key: string, resource: string): OwnedElsewhereError {
  return new OwnedElsewhereError(
    director,
    `the pool of virtual server ${key}`,
    `VirtualServer ${resource}, which lists its realServers itself`,
    "Add the server to that list, or remove the list to make the pool of RealServer resources.",
  );
}
