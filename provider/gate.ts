import type { Director, Member, Registration } from "../director";
import { effectiveWeight } from "../director";
import { waitUntilHealthy } from "../health";
import { type HealthCheck, realServerKey } from "../spec";
import type { GateFailure } from "./errors";

/** A server on its way in, as one director has to check it. */
export interface Entrant {
  readonly director: Director;
  readonly member: Member;
  readonly check: HealthCheck;
}

/**
 * The servers that take no new connections on a director now and will after the change. Only they are checked:
 * a change of weight among servers in service waits for nobody.
 */
export function entering(before: Registration | undefined, wanted: readonly Member[]): Member[] {
  const now = new Map(before?.members.map((member) => [realServerKey(member), effectiveWeight(member)]));
  return wanted.filter((member) => member.weight > 0 && (now.get(realServerKey(member)) ?? 0) === 0);
}

/**
 * Checks all entrants at the same time, each from its director, until every one has risen or run out of time.
 *
 * @returns those that did not become healthy; empty when the change may go on
 */
export async function passGate(entrants: readonly Entrant[]): Promise<GateFailure[]> {
  const outcomes = await Promise.all(
    entrants.map(async ({ director, member, check }): Promise<GateFailure | undefined> => {
      if (check.type === "none") return undefined;
      const dial = director.dial.bind(director);
      const verdict = await waitUntilHealthy(check, member, dial);
      if (verdict.healthy) return undefined;
      return { director: director.name, server: realServerKey(member), check, verdict };
    }),
  );
  return outcomes.filter((outcome) => outcome !== undefined);
}
