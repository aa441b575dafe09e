import type { Target, Verdict } from "../health";
import type { ActiveHealthCheck } from "../spec";
import type { PlaneAnswer } from "./plane-answer";
import type { ChangeRequest } from "./request";
import type { Answer, DirectorState } from "./state";

/**
 * How closely a director is read. At a `glance`: what procfs does not tell may be older than the answer (see
 * WHOLE_EVERY_MS in ssh-link.ts). With its `limits`: thresholds and the kernel's own order as well; who cannot tell them
 * on the way leaves them out.
 */
export type Depth = "glance" | "whole" | "limits";

/**
 * Who answers for a director's table: a script of ours that each session brings along, or the agent that lives there.
 * Both make the same promise: a change is made only where the director still holds what it was computed from.
 */
export interface Link {
  /**
   * What the director holds now.
   *
   * @param known asked for when the question is sent: parts that are still so need not travel
   */
  read(known: () => DirectorState | undefined, depth: Depth): Promise<Answer>;
  /** Makes a change that was computed from `known`, unless the director holds something else by now. */
  change(known: DirectorState, request: ChangeRequest): Promise<Answer>;
  /** Absent: directors that are run so share nothing. */
  plane?(): Promise<PlaneAnswer>;
  /** Has a server checked from the director until it is healthy or its deadline is over. */
  verdict(check: ActiveHealthCheck, target: Target): Promise<Verdict>;
}
