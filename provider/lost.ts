import {
  type Basis,
  type Change,
  effectiveWeight,
  findRegistration,
  forwardingPath,
  isWatchedPool,
  lostServers,
  type Member,
} from "../director";
import { findService } from "../ipvs";
import { realServerKey } from "../spec";
import { describeFailure, type GateFailure } from "./errors";
import type { Entrant } from "./gate";
import type { Behind } from "./reach";
import type { GatedChange, States } from "./steps";
import { warnOnce } from "./warn";

/**
 * Servers that a director has lost, that are registered in a separate pool, and that the change does not declare: it writes
 * the pool, and they belong to other resources. Those that leave with the change are none of them.
 *
 * @param own servers that the change declares
 */
export function lostOfOthers(change: Change, basis: Basis, own: readonly Member[]): Member[] {
  const before = findRegistration(basis.registry, change.key)?.registration;
  const lost = lostServers(before, findService(basis.table, change.key));
  if (lost.size === 0) return [];
  const declared = new Set(own.map(realServerKey));
  const next = findRegistration(change.apply(basis), change.key)?.registration;
  if (!next || isWatchedPool(next)) return [];
  const after = next.members;
  const isOthers = (server: string) => lost.has(server) && !declared.has(server);
  return after.filter((one) => effectiveWeight(one) > 0 && isOthers(realServerKey(one)));
}

/**
 * Other resources' lost servers as the change has them asked, where it does. Where it does not, a warning says who gets no
 * connections: to let them in is their own resource's business, which sees what they lost in a refresh.
 */
export function lostEntrants(gated: GatedChange, states: States): Entrant[] {
  const check = gated.checkOfOthers;
  const change = gated.change(gated.members, "go");
  return [...states].flatMap(([director, { registry, table }]) => {
    const lost = lostOfOthers(change, { director: director.name, registry, table }, gated.members);
    if (check)
      return lost.map((member) => {
        const path = forwardingPath(gated.service, member, check);
        return { director, member, check, ...(path && { path }) };
      });
    for (const server of lost.map(realServerKey))
      warnOnce(
        `director ${director.name}: ${server} of virtual server ${gated.key} is registered there and takes no connections. ` +
          "Nobody has asked it, so it is not let in with this change: `pulumi up --refresh` has it asked.",
      );
    return [];
  });
}

/** Why directors lack servers that were asked and did not become healthy. */
export function lacking(key: string, failures: readonly GateFailure[]): Behind {
  const directors = [...new Set(failures.map(({ director }) => director))];
  const reason = (director: string) => {
    const here = failures.filter((one) => one.director === director);
    const said = here.map(describeFailure).join("; ");
    return `director ${director}: it lacked servers of virtual server ${key}, which take no connections there until they are healthy: ${said}.`;
  };
  return Object.fromEntries(directors.map((director) => [director, reason(director)]));
}
