import {
  checkForwarding,
  type Director,
  type ForwardingPath,
  isInService,
  type Member,
  type Registration,
} from "../director";
import type { Verdict } from "../health";
import { destinationExtra, destinationKey, type Service } from "../ipvs";
import { type HealthCheck, realServerKey } from "../spec";
import type { GateFailure } from "./errors";

/** A server on its way in, as one director has to check it. */
export interface Entrant {
  readonly director: Director;
  readonly member: Member;
  readonly check: HealthCheck;
  /** The way its clients' packets will go, where that has to be checked too. */
  readonly path?: ForwardingPath;
}

/** What the gate saw, by server: the same words from all directors are said once. */
export type Seen = Readonly<Record<string, string>>;

/** How a pool passed its gate. */
export interface Passage {
  /** Those that did not become healthy; empty when the change may go on. */
  readonly failures: readonly GateFailure[];
  /** What the others answered. */
  readonly seen: Seen;
}

/**
 * The servers that take no new connections on a director now and will after the change, by the kernel's word as well as
 * the registry's, and those that connections will reach in another way (forwarding, tunnel). Only they are checked: a
 * change of weight among servers in service waits for nobody.
 *
 * @param adopts the kernel's word alone counts
 */
export function entering(
  before: Registration | undefined,
  service: Service | undefined,
  wanted: readonly Member[],
  adopts = false,
): Member[] {
  return wanted.filter(
    (member) =>
      member.weight > 0 &&
      !(isInService(before, service, realServerKey(member), adopts) && isReachedAlike(service, member)),
  );
}

function isReachedAlike(service: Service | undefined, member: Member): boolean {
  const found = service?.destinations.find((one) => destinationKey(one) === realServerKey(member));
  return found?.method === member.forwarding && found.extra === destinationExtra(member);
}

/** Checks all entrants at the same time, each from its director, until every one has risen or run out of time. */
export async function passGate(entrants: readonly Entrant[]): Promise<Passage> {
  const seen: Record<string, string> = {};
  const outcomes = await Promise.all(
    entrants.map(async ({ director, member, check, path }): Promise<GateFailure | undefined> => {
      const server = realServerKey(member);
      if (check.type === "none") {
        seen[server] = "not checked";
        return undefined;
      }
      const verdict = await director.verdict(check, member);
      if (!verdict.healthy) return { director: director.name, server, check, verdict };
      const through = path && (await checkForwarding(director, path));
      if (through?.healthy === false)
        return { director: director.name, server, check, path, verdict: through };
      seen[server] = said(seen[server], verdict);
      return undefined;
    }),
  );
  return { failures: outcomes.filter((outcome) => outcome !== undefined), seen };
}

/** The last word of a server; another one is told besides. */
function said(before: string | undefined, { answer }: Verdict): string {
  if (before === undefined || before === answer) return answer;
  return before.split("; ").includes(answer) ? before : `${before}; ${answer}`;
}
