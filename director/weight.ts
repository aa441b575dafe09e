import type { Member } from "./registry";

/**
 * The weight a server gets in the kernel: the only place where it is computed. A server that has not passed its
 * gate, is on its way out, or drained by an operator, takes no new connections, whatever was declared.
 */
export function effectiveWeight(member: Pick<Member, "weight" | "held" | "draining" | "drained">): number {
  return member.held || member.draining || member.drained ? 0 : member.weight;
}
