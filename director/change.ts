import { realServerKey } from "../spec";
import {
  type Actor,
  type Basis,
  inlinePool,
  noVirtualServer,
  otherResource,
  ownRegistration,
  refuseForeignDestination,
  refuseForeignService,
} from "./refusal";
import { type Member, type Registration, type Registry, withRegistration } from "./registry";

/**
 * One resource's change to one virtual server, as pure functions. Changes of several resources to one virtual server may
 * travel together and fail apart, so each touches, and undoes, its own part alone.
 */
export interface Change {
  /** Key of the virtual server: nothing else is touched. */
  readonly key: string;
  /** Key of the real server, when the change concerns one member of the pool alone. */
  readonly member?: string;
  /**
   * Given what a director holds, what it is to hold.
   *
   * @throws ForeignEntryError, OwnedElsewhereError when that would touch what is not the actor's
   */
  readonly apply: (basis: Basis) => Registry;
  /** The change that takes this one back, given what was registered before it. */
  readonly undo: (before: Registration | undefined) => Change;
}

/**
 * Puts a virtual server in place. For a separate pool the members registered so far stay. When an inline pool becomes
 * a separate one its members stay too, so that the service is not emptied before RealServer resources claim
 * them; those that none claims go with the next change of the virtual server.
 */
export function putVirtualServer(actor: Actor, key: string, wanted: Registration): Change {
  return {
    key,
    apply: (basis) => {
      const mine = ownRegistration(basis, actor, key);
      if (mine && mine.resource !== wanted.resource) {
        throw otherResource(basis.director, `virtual server ${key}`, mine.resource, "VirtualServer");
      }
      if (!mine) refuseForeignService(basis, key);
      const members = wanted.pool === "inline" ? wanted.members : stayingMembers(mine);
      return withRegistration(basis.registry, actor, key, { ...wanted, members });
    },
    undo: (before) =>
      before ? restoreVirtualServer(actor, key, before) : removeVirtualServer(actor, key, wanted.resource),
  };
}

/** Takes a virtual server and its pool away. What is not there, or has been given to another resource, stays so. */
export function removeVirtualServer(actor: Actor, key: string, resource: string): Change {
  return {
    key,
    apply: ({ registry }) => {
      if (registered(registry, actor, key)?.resource !== resource) return registry;
      return withRegistration(registry, actor, key, undefined);
    },
    undo: (before) =>
      before?.resource === resource ? restoreVirtualServer(actor, key, before) : nothing(key),
  };
}

/** Puts a separate real server into a virtual server's pool. */
export function putMember(actor: Actor, key: string, wanted: Member & { readonly resource: string }): Change {
  const member = realServerKey(wanted);
  return {
    key,
    member,
    apply: (basis) => {
      const mine = ownRegistration(basis, actor, key);
      if (!mine) throw noVirtualServer(basis.director, key);
      if (mine.pool === "inline") throw inlinePool(basis.director, key, mine.resource);
      const old = findMember(mine, member);
      if (old?.resource !== undefined && old.resource !== wanted.resource) {
        throw otherResource(basis.director, `${member} of virtual server ${key}`, old.resource, "RealServer");
      }
      if (!old) refuseForeignDestination(basis, key, member);
      return withMember(basis.registry, actor, key, member, wanted);
    },
    undo: (before) => restoreMember(actor, key, member, findMember(before, member)),
  };
}

/** Takes a separate real server out of its pool. What is not there, or has been given to another resource, stays so. */
export function removeMember(actor: Actor, key: string, member: string, resource: string): Change {
  return {
    key,
    member,
    apply: ({ registry }) => {
      const old = findMember(registered(registry, actor, key), member);
      return old?.resource === resource ? withMember(registry, actor, key, member, undefined) : registry;
    },
    undo: (before) => {
      const old = findMember(before, member);
      return old?.resource === resource ? restoreMember(actor, key, member, old) : nothing(key);
    },
  };
}

/** Puts back a virtual server's own settings; members of a separate pool belong to other resources. */
function restoreVirtualServer(actor: Actor, key: string, before: Registration): Change {
  return {
    key,
    apply: ({ registry }) => {
      const now = registered(registry, actor, key);
      const members = before.pool === "separate" && now?.pool === "separate" ? now.members : before.members;
      return withRegistration(registry, actor, key, { ...before, members });
    },
    undo: () => nothing(key),
  };
}

function restoreMember(actor: Actor, key: string, member: string, before: Member | undefined): Change {
  return {
    key,
    member,
    apply: ({ registry }) => withMember(registry, actor, key, member, before),
    undo: () => nothing(key),
  };
}

function nothing(key: string): Change {
  return { key, apply: ({ registry }) => registry, undo: () => nothing(key) };
}

function registered(registry: Registry, actor: Actor, key: string): Registration | undefined {
  return registry.owners[actor.id]?.virtualServers[key];
}

function findMember(registration: Registration | undefined, member: string): Member | undefined {
  return registration?.members.find((one) => realServerKey(one) === member);
}

function stayingMembers(mine: Registration | undefined): readonly Member[] {
  if (!mine) return [];
  return mine.pool === "inline" ? mine.members : mine.members.filter((one) => one.resource !== undefined);
}

function withMember(
  registry: Registry,
  actor: Actor,
  key: string,
  member: string,
  wanted: Member | undefined,
): Registry {
  const mine = registered(registry, actor, key);
  if (!mine) return registry;
  const others = mine.members.filter((one) => realServerKey(one) !== member);
  const members = wanted ? [...others, wanted] : others;
  return withRegistration(registry, actor, key, { ...mine, members });
}
