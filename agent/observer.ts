/** Who is told of what an agent does, as it does it, and counts it. */
export interface Observer {
  /** A check ended. `check`: its type. */
  checked(check: string, outcome: CheckOutcome, tookMs: number): void;
  /** A server went down, or came back. */
  turned(healthy: boolean): void;
  /** The table was compared with what it is to be, and made so, or it could not be. */
  reconciled(tookMs: number): void;
}

/** What a check came to; `inconclusive`: this host could not make it. */
export type CheckOutcome = "healthy" | "unhealthy" | "inconclusive";

/** Tells nobody. */
export const UNOBSERVED: Observer = {
  checked: () => undefined,
  turned: () => undefined,
  reconciled: () => undefined,
};
