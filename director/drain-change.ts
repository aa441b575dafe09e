import { realServerKey } from "../spec";
import { type Change, nothing } from "./change";
import { type Claim, holds } from "./claim";
import { awake, draining } from "./member";
import type { Actor } from "./refusal";
import { findMember, type Member, type Registration, registered, withRegistration } from "./registry";

/**
 * Lets all servers of a virtual server, or one member of a separate pool, take no new connections, before they are
 * removed. What is not there, or belongs to another resource by now, stays as it is.
 *
 * @param drainMsOf how long a server's connections may go on, for an agent; see {@link draining}
 */
export function drain(
  actor: Actor,
  key: string,
  claim: Claim,
  member?: string,
  drainMsOf?: (server: string) => number,
): Change {
  return {
    ...withMembers(actor, key, claim, member, (one) => draining(one, drainMsOf?.(realServerKey(one)))),
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
