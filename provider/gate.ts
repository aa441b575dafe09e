import { type Director, isInService, type Member, type Registration } from "../director";
import { waitUntilHealthy } from "../health";
import type { Service } from "../ipvs";
import { type HealthCheck, realServerKey } from "../spec";
import type { GateFailure } from "./errors";

/** A server on its way in, as one director has to check it. */
export interface Entrant {
  readonly director: Director;
  readonly member: Member;
  readonly check: HealthCheck;
}

/**
 * The servers that take no new connections on a director now and will after the change, by the kernel's word as well as
 * the registry's. Only they are checked: a change of weight among servers in service waits for nobody.
 */
export function entering(
  before: Registration | undefined,
  service: Service | undefined,
  wanted: readonly Member[],
): Member[] {
  return wanted.filter((member) => member.weight > 0 && !isInService(before, service, realServerKey(member)));
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
