import type { Member } from "./registry";

/** A server in service is not taken out because another director could not let it in. */
export function released({ held: _, ...member }: Member): Member {
  return member;
}

/**
 * On its way out: it takes no new connections.
 *
 * @param drainMs how long those it has may go on, where an agent is to see to that
 */
export function draining(member: Member, drainMs?: number): Member {
  return { ...member, draining: true, ...(drainMs !== undefined && { drainMs }) };
}

/** Not on its way out any more. */
export function awake({ draining: _, drainMs: __, ...member }: Member): Member {
  return member;
}
