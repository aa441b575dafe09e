import type { Member } from "./registry";

/** A server in service is not taken out because another director could not let it in. */
export function released({ held: _, ...member }: Member): Member {
  return member;
}

/** On its way out: it takes no new connections. */
export function draining(member: Member): Member {
  return { ...member, draining: true };
}

/** Not on its way out any more. */
export function awake({ draining: _, ...member }: Member): Member {
  return member;
}
