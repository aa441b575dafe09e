import { checkForwarding, type Director, type ForwardingPath, type Member } from "../director";
import type { Verdict } from "../health";
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
