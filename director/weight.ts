import type { Member } from "./registry";

/** What of a declared server its weight in the kernel is the product of. */
export interface DeclaredFactors {
  /** The weight that is declared. */
  readonly configured: number;
  /** 0: it has not passed its gate. */
  readonly gate: 0 | 1;
  /** 0: it is on its way out, or drained. */
  readonly drain: 0 | 1;
}

type Declared = Pick<Member, "weight" | "held" | "draining" | "drained">;

/** See {@link DeclaredFactors}. */
export function declaredFactors({ weight, held, draining, drained }: Declared): DeclaredFactors {
  return { configured: weight, gate: held ? 0 : 1, drain: draining || drained ? 0 : 1 };
}

/**
 * The weight a server gets in the kernel: the only place where it is computed. A server that has not passed its
 * gate, is on its way out, or drained by an operator, takes no new connections, whatever was declared.
 */
export function effectiveWeight(member: Declared): number {
  const { configured, gate, drain } = declaredFactors(member);
  return configured * gate * drain;
}
