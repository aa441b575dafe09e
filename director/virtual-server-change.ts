import { findService, type Service } from "../ipvs";
import { realServerKey } from "../spec";
import { type Change, isKnownOn, type Manner, nothing } from "./change";
import { type Claim, holds, isSame } from "./claim";
import { isInService, observedServer } from "./desired";
import { awake, draining, released } from "./member";
import { type Actor, otherResource, ownRegistration, refuseForeignService, refuseStrangers } from "./refusal";
import { findRegistration, type Member, type Registration, registered, withRegistration } from "./registry";

/**
 * Puts a virtual server in place. For a separate pool the members registered so far stay. When an inline pool becomes
 * a separate one its members stay too, so that the service is not emptied before RealServer resources claim
 * them; those that none claims go with a later change of the virtual server, when it has others in service.
 */
export function putVirtualServer(actor: Actor, key: string, wanted: Registration, manner: Manner): Change {
  const { adopts = false, leaving = "go", drainMsOf } = manner;
  return {
    key,
    admits: () => wanted.pool === "inline",
    apply: (basis) => {
      const mine = ownRegistration(basis, actor, key);
      if (mine && !isSame(mine, wanted)) {
        throw otherResource(basis.director, `virtual server ${key}`, mine, "VirtualServer");
      }
      if (!mine && !isKnownOn(manner, basis.director) && !adopts) refuseForeignService(basis, key);
      const service = findService(basis.table, key);
      const serves = (one: Member) => isInService(mine, service, realServerKey(one), adopts);
      const members =
        wanted.pool === "inline"
          ? [
              ...wanted.members.map((one) => (serves(one) ? released(one) : one)),
              ...(leaving === "drain"
                ? leavingMembers(
                    mine?.members ?? service?.destinations.map(observedServer),
                    wanted,
                    drainMsOf,
                  )
                : []),
            ]
          : separateMembers(mine, service, manner);
      return withRegistration(basis.registry, actor, key, { ...wanted, members });
    },
    undo: (before) =>
      before ? restoreVirtualServer(actor, key, before, wanted) : removeVirtualServer(actor, key, wanted),
  };
}

/**
 * Takes a virtual server and its pool away. What is not there, or belongs to another resource by now, stays so.
 * Destinations that nobody registered in a separate pool would go with it: then it is refused.
 */
export function removeVirtualServer(actor: Actor, key: string, claim: Claim): Change {
  return {
    key,
    apply: (basis) => {
      const mine = registered(basis.registry, actor, key);
      if (!mine || !holds(mine, claim)) return basis.registry;
      if (mine.pool === "separate") refuseStrangers(basis, key);
      return withRegistration(basis.registry, actor, key, undefined);
    },
    undo: (before) =>
      before && holds(before, claim) ? restoreVirtualServer(actor, key, before, undefined) : nothing(key),
  };
}

/**
 * Puts back a virtual server's own settings; members of a separate pool belong to other resources. Only where what is
 * to be undone still stands: `written`, or (undefined) nobody's virtual server.
 */
function restoreVirtualServer(
  actor: Actor,
  key: string,
  before: Registration,
  written: Claim | undefined,
): Change {
  return {
    key,
    admits: () => true,
    apply: ({ registry }) => {
      const now = registered(registry, actor, key);
      if (written ? !now || !holds(now, written) : findRegistration(registry, key)) return registry;
      const members =
        before.pool === "separate" && now?.pool === "separate"
          ? withUnclaimed(now.members, before.members)
          : before.members;
      return withRegistration(registry, actor, key, { ...before, members });
    },
    undo: () => nothing(key),
  };
}

/** What is there and not wanted any more, on its way out. */
function leavingMembers(
  before: readonly Member[] = [],
  wanted: Registration,
  drainMsOf: Manner["drainMsOf"],
): Member[] {
  const staying = new Set(wanted.members.map(realServerKey));
  const leaving = before.filter((one) => !staying.has(realServerKey(one)));
  return leaving.map((one) => draining(one, drainMsOf?.(realServerKey(one))));
}

function isClaimed({ resource }: Member): boolean {
  return resource !== undefined;
}

/** When the claimed ones fell while the others drained, the others stay, and serve again. */
function stayingOn(one: Member): Member {
  return isClaimed(one) ? one : awake(one);
}

function separateMembers(
  mine: Registration | undefined,
  service: Service | undefined,
  { unclaimed = "go", leaving = "go", drainMsOf }: Manner,
): readonly Member[] {
  const members = mine?.members ?? [];
  if (mine?.pool === "inline" || unclaimed === "stay") return members;
  const serves = (one: Member) => isInService(mine, service, realServerKey(one));
  if (!members.some((one) => isClaimed(one) && serves(one))) return members.map(stayingOn);
  return members.flatMap((one) =>
    isClaimed(one) ? [one] : leaving === "drain" ? [draining(one, drainMsOf?.(realServerKey(one)))] : [],
  );
}

/** What others have made of a separate pool since then, with those as they were that only its virtual server lets go. */
function withUnclaimed(members: readonly Member[], before: readonly Member[]): Member[] {
  const old = new Map(before.filter((one) => !isClaimed(one)).map((one) => [realServerKey(one), one]));
  const here = new Set(members.map(realServerKey));
  const kept = members.map((one) => (isClaimed(one) ? one : (old.get(realServerKey(one)) ?? one)));
  return [...kept, ...[...old.values()].filter((one) => !here.has(realServerKey(one)))];
}
