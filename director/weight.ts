import type { Member } from "./registry";

/**
 * The weight a server gets in the kernel: the only place where it is computed. A server that has not passed its
 * gate, or is on its way out, takes no new connections, whatever was declared.
 */
export function effectiveWeight(member: Pick<Member, "weight" | "held" | "draining">): number {
  return member.held || member.draining ? 0 : member.weight;
}
