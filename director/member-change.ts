import { findService } from "../ipvs";
import { realServerKey } from "../spec";
import { type Change, isKnownOn, type Manner, nothing } from "./change";
import { type Claim, holds, isSame } from "./claim";
import { isInService } from "./desired";
import { NoVirtualServerError } from "./errors";
import { released } from "./member";
import { type Actor, inlinePool, otherResource, ownRegistration, refuseForeignDestination } from "./refusal";
import { findMember, type Member, type Registry, registered, withRegistration } from "./registry";

/** Puts a separate real server into a virtual server's pool. */
export function putMember(
  actor: Actor,
  key: string,
  wanted: Member & { readonly resource: string },
  manner: Manner,
): Change {
  const { adopts = false } = manner;
  const member = realServerKey(wanted);
  return {
    key,
    member,
    admits: (_director, server) => server === member,
    apply: (basis) => {
      const mine = ownRegistration(basis, actor, key);
      if (!mine) throw new NoVirtualServerError(basis.director, key);
      if (mine.pool === "inline") throw inlinePool(basis.director, key, mine.resource);
      const old = findMember(mine, member);
      if (old?.resource !== undefined && !isSame(old, wanted)) {
        throw otherResource(basis.director, `${member} of virtual server ${key}`, old, "RealServer");
      }
      if (!old && !adopts && !isKnownOn(manner, basis.director)) refuseForeignDestination(basis, key, member);
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
    admits: (_director, server) => server === member,
    apply: ({ registry }) => {
      const now = findMember(registered(registry, actor, key), member);
      if (written ? !now || !holds(now, written) : now) return registry;
      return withMember(registry, actor, key, member, before);
    },
    undo: () => nothing(key),
  };
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
