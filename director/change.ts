import { findService, type Service } from "../ipvs";
import { realServerKey } from "../spec";
import { isInService, observedServer } from "./desired";
import { NoVirtualServerError } from "./errors";
import {
  type Actor,
  type Basis,
  inlinePool,
  otherResource,
  ownRegistration,
  refuseForeignDestination,
  refuseForeignService,
  refuseStrangers,
} from "./refusal";
import {
  findRegistration,
  type Member,
  type Registration,
  type Registry,
  withRegistration,
} from "./registry";

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
  /** What is to stand on a director once nobody owns the virtual server there any more. Default: nothing. */
  readonly leaves?: (director: string) => Service | undefined;
}

/** What a change may take for its own, beyond what is registered, and what it does with what it lets go. */
export interface Manner {
  /** The state says the resource exists: an entry that lost its registration is that one, not a stranger's. */
  readonly known: boolean;
  /** The user says that what belongs to nobody is to be taken over. */
  readonly adopts?: boolean;
  /** `drain`: what leaves stays registered for now, and takes no new connections. Default `go`. */
  readonly leaving?: "drain" | "go";
  /**
   * What is left in a separate pool of the inline one before it, and no RealServer has claimed. `stay`: the pool is
   * turning, perhaps not for the first time, and the claims are to come. Default `go`, once a claimed one is in service.
   */
  readonly unclaimed?: "stay" | "go";
}

/**
 * Puts a virtual server in place. For a separate pool the members registered so far stay. When an inline pool becomes
 * a separate one its members stay too, so that the service is not emptied before RealServer resources claim
 * them; those that none claims go with a later change of the virtual server, when it has others in service.
 */
export function putVirtualServer(actor: Actor, key: string, wanted: Registration, manner: Manner): Change {
  const { known, adopts = false, leaving = "go" } = manner;
  return {
    key,
    apply: (basis) => {
      const mine = ownRegistration(basis, actor, key);
      if (mine && !isSame(mine, wanted)) {
        throw otherResource(basis.director, `virtual server ${key}`, mine.resource, "VirtualServer");
      }
      if (!mine && !known && !adopts) refuseForeignService(basis, key);
      const service = findService(basis.table, key);
      const serves = (one: Member) => isInService(mine, service, realServerKey(one), adopts);
      const members =
        wanted.pool === "inline"
          ? [
              ...wanted.members.map((one) => (serves(one) ? released(one) : one)),
              ...(leaving === "drain"
                ? leavingMembers(mine?.members ?? service?.destinations.map(observedServer), wanted)
                : []),
            ]
          : separateMembers(mine, service, manner);
      return withRegistration(basis.registry, actor, key, { ...wanted, members });
    },
    undo: (before) =>
      before ? restoreVirtualServer(actor, key, before, wanted) : removeVirtualServer(actor, key, wanted),
  };
}

/**
 * Takes a virtual server and its pool away. What is not there, or belongs to another resource by now, stays so.
 * Destinations that nobody registered in a separate pool would go with it: then it is refused.
 */
export function removeVirtualServer(actor: Actor, key: string, claim: Claim): Change {
  return {
    key,
    apply: (basis) => {
      const mine = registered(basis.registry, actor, key);
      if (!mine || !holds(mine, claim)) return basis.registry;
      if (mine.pool === "separate") refuseStrangers(basis, key);
      return withRegistration(basis.registry, actor, key, undefined);
    },
    undo: (before) =>
      before && holds(before, claim) ? restoreVirtualServer(actor, key, before, undefined) : nothing(key),
  };
}

/**
 * Lets all servers of a virtual server, or one member of a separate pool, take no new connections, before they are
 * removed. What is not there, or belongs to another resource by now, stays as it is.
 */
export function drain(actor: Actor, key: string, claim: Claim, member?: string): Change {
  return {
    ...withMembers(actor, key, claim, member, draining),
    undo: (before) => undrain(actor, key, claim, before, member),
  };
}

/** Lets those take connections again that did before. What else others have changed about them since then stays. */
function undrain(
  actor: Actor,
  key: string,
  claim: Claim,
  before: Registration | undefined,
  member: string | undefined,
): Change {
  const wake = (one: Member) => {
    const was = findMember(before, realServerKey(one));
    return was && !was.draining ? awake(one) : one;
  };
  return { ...withMembers(actor, key, claim, member, wake), undo: () => nothing(key) };
}

/** Changes every member of a virtual server, or one of a separate pool, that is still there and that resource's. */
function withMembers(
  actor: Actor,
  key: string,
  claim: Claim,
  member: string | undefined,
  alter: (one: Member) => Member,
): Omit<Change, "undo"> {
  return {
    key,
    ...(member !== undefined && { member }),
    apply: ({ registry }) => {
      const mine = registered(registry, actor, key);
      const old = member === undefined ? mine : findMember(mine, member);
      if (!mine || !old || !holds(old, claim)) return registry;
      const isIt = (one: Member) => member === undefined || realServerKey(one) === member;
      const members = mine.members.map((one) => (isIt(one) ? alter(one) : one));
      return withRegistration(registry, actor, key, { ...mine, members });
    },
  };
}

/** Puts a separate real server into a virtual server's pool. */
export function putMember(
  actor: Actor,
  key: string,
  wanted: Member & { readonly resource: string },
  { known, adopts = false }: Manner,
): Change {
  const member = realServerKey(wanted);
  return {
    key,
    member,
    apply: (basis) => {
      const mine = ownRegistration(basis, actor, key);
      if (!mine) throw new NoVirtualServerError(basis.director, key);
      if (mine.pool === "inline") throw inlinePool(basis.director, key, mine.resource);
      const old = findMember(mine, member);
      if (old?.resource !== undefined && !isSame(old, wanted)) {
        throw otherResource(basis.director, `${member} of virtual server ${key}`, old.resource, "RealServer");
      }
      if (!old && !known && !adopts) refuseForeignDestination(basis, key, member);
      const serves = isInService(mine, findService(basis.table, key), member, adopts);
      return withMember(basis.registry, actor, key, member, serves ? released(wanted) : wanted);
    },
    undo: (before) => restoreMember(actor, key, member, findMember(before, member), wanted),
  };
}

/** Takes a separate real server out of its pool. What is not there, or belongs to another resource by now, stays so. */
export function removeMember(actor: Actor, key: string, member: string, claim: Claim): Change {
  return {
    key,
    member,
    apply: ({ registry }) => {
      const old = findMember(registered(registry, actor, key), member);
      return old && holds(old, claim) ? withMember(registry, actor, key, member, undefined) : registry;
    },
    undo: (before) => {
      const old = findMember(before, member);
      return old && holds(old, claim) ? restoreMember(actor, key, member, old, undefined) : nothing(key);
    },
  };
}

/** What a resource knows itself by on a director. */
export interface Claim {
  readonly resource?: string;
  readonly token?: string;
}

/** Whether a registration is that resource's and no other's. States of old have no token and go by their name. */
function holds(registration: Claim, claim: Claim): boolean {
  if (claim.token === undefined) return registration.resource === claim.resource;
  return registration.token === claim.token;
}

/** Whether a resource may write over a registration: its own, or what a killed run of its own name left. */
function isSame(registration: Claim, wanted: Claim): boolean {
  return registration.resource === wanted.resource || holds(registration, wanted);
}

/** A server in service is not taken out because another director could not let it in. */
function released({ held: _, ...member }: Member): Member {
  return member;
}

/**
 * Puts back a virtual server's own settings; members of a separate pool belong to other resources. Only where what is
 * to be undone still stands: `written`, or (undefined) nobody's virtual server.
 */
function restoreVirtualServer(
  actor: Actor,
  key: string,
  before: Registration,
  written: Claim | undefined,
): Change {
  return {
    key,
    apply: ({ registry }) => {
      const now = registered(registry, actor, key);
      if (written ? !now || !holds(now, written) : findRegistration(registry, key)) return registry;
      const members =
        before.pool === "separate" && now?.pool === "separate"
          ? withUnclaimed(now.members, before.members)
          : before.members;
      return withRegistration(registry, actor, key, { ...before, members });
    },
    undo: () => nothing(key),
  };
}

function restoreMember(
  actor: Actor,
  key: string,
  member: string,
  before: Member | undefined,
  written: Claim | undefined,
): Change {
  return {
    key,
    member,
    apply: ({ registry }) => {
      const now = findMember(registered(registry, actor, key), member);
      if (written ? !now || !holds(now, written) : now) return registry;
      return withMember(registry, actor, key, member, before);
    },
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

/** What is there and not wanted any more, on its way out. */
function leavingMembers(before: readonly Member[] = [], wanted: Registration): Member[] {
  const staying = new Set(wanted.members.map(realServerKey));
  return before.filter((one) => !staying.has(realServerKey(one))).map(draining);
}

function draining(member: Member): Member {
  return { ...member, draining: true };
}

function awake({ draining: _, ...member }: Member): Member {
  return member;
}

function isClaimed({ resource }: Member): boolean {
  return resource !== undefined;
}

function separateMembers(
  mine: Registration | undefined,
  service: Service | undefined,
  { unclaimed = "go", leaving = "go" }: Manner,
): readonly Member[] {
  const members = mine?.members ?? [];
  if (mine?.pool === "inline" || unclaimed === "stay") return members;
  const serves = (one: Member) => isInService(mine, service, realServerKey(one));
  if (!members.some((one) => isClaimed(one) && serves(one))) return members;
  return members.flatMap((one) => (isClaimed(one) ? [one] : leaving === "drain" ? [draining(one)] : []));
}

/** What others have made of a separate pool since then, with those as they were that only its virtual server lets go. */
function withUnclaimed(members: readonly Member[], before: readonly Member[]): Member[] {
  const old = new Map(before.filter((one) => !isClaimed(one)).map((one) => [realServerKey(one), one]));
  const here = new Set(members.map(realServerKey));
  const kept = members.map((one) => (isClaimed(one) ? one : (old.get(realServerKey(one)) ?? one)));
  return [...kept, ...[...old.values()].filter((one) => !here.has(realServerKey(one)))];
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
  const isIt = (one: Member) => realServerKey(one) === member;
  // In its place, where it has one: the order of members is the order in which the kernel got them.
  const replaced = mine.members.flatMap((one) => (isIt(one) ? (wanted ? [wanted] : []) : [one]));
  const members = wanted && !mine.members.some(isIt) ? [...replaced, wanted] : replaced;
  return withRegistration(registry, actor, key, { ...mine, members });
}
