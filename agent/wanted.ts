import {
  type DeclaredFactors,
  declaredFactors,
  desiredService,
  effectiveWeight,
  type Member,
  type Registration,
} from "../director/data";
import type { Service } from "../ipvs";
import { type Quorum, realServerKey, refusesAtWeightZero } from "../spec";

/** What is known of a pool's servers when its service is worked out. */
export interface PoolHealth {
  readonly isHealthy: (member: Member) => boolean;
  /** An operator has asked for it to take no new connections. */
  readonly isDrained?: (member: Member) => boolean;
  /** Whether the pool had its quorum until now. */
  readonly wasUp: boolean;
}

/** What the weight that a server is to have is the product of. A drain that an operator has asked for here is one as well. */
export interface WeightFactors extends DeclaredFactors {
  /** 0: it is down, and its pool does not fail open. */
  readonly health: 0 | 1;
  /** 0: the quorum is lost, and the sorry server takes its connections. Absent: there is no sorry server. */
  readonly quorum?: 0 | 1;
}

/** What the kernel is to hold of a virtual server. */
export interface Wanted {
  readonly service: Service;
  /** The pool has its quorum. */
  readonly up: boolean;
  /** Servers that take no connections because of their health, by `realServerKey`. */
  readonly out: ReadonlySet<string>;
  /** Of one of its servers. */
  readonly factors: (member: Member) => WeightFactors;
}

/** keepalived's: one server of weight 1 is enough. */
export const DEFAULT_QUORUM: Quorum = { weight: 1, hysteresis: 0 };

/**
 * What a registration and the health of its servers come to. A server that is down takes no connections; when the quorum
 * is lost and there is a sorry server, that one takes them all. Without a sorry server those that are left go on.
 *
 * @param found what the kernel holds
 * @param before servers that were ours until now
 */
export function wantedService(
  registration: Registration,
  found: Service | undefined,
  before: readonly Member[],
  { isHealthy, isDrained = () => false, wasUp }: PoolHealth,
): Wanted {
  const { members, quorum = DEFAULT_QUORUM } = registration;
  const taking = members.filter((one) => effectiveWeight(one) > 0);
  const undrained = taking.filter((one) => !isDrained(one));
  const isOpen = failsOpen(registration, undrained, undrained.filter(isHealthy));
  const well = isOpen ? undrained : undrained.filter(isHealthy);
  const up = hasQuorum(quorum, wasUp, sum(well), sum(taking));
  const sorry = sorryMember(registration);
  const isLost = sorry !== undefined && !up;
  const factors = (one: Member): WeightFactors => {
    const { drain, ...declared } = declaredFactors(one);
    // The sorry server is asked nothing, also where it is one of the pool: nobody else is there.
    const isLast = isLost && realServerKey(one) === realServerKey(sorry);
    return {
      ...declared,
      drain: isDrained(one) ? 0 : drain,
      health: isLast || isOpen || isHealthy(one) ? 1 : 0,
      ...(sorry && { quorum: isLost && !isLast ? 0 : 1 }),
    };
  };
  const out = new Set(taking.filter((one) => weightOf(factors(one)) === 0).map(realServerKey));
  for (const one of members) if (isLeftOut(registration, one, isHealthy(one))) out.add(realServerKey(one));
  const resting = (one: Member) =>
    out.has(realServerKey(one)) ? rested(registration, one, !isHealthy(one)) : [one];
  const stands = isLost ? [sorry] : [];
  const pool = [...members.flatMap(resting), ...stands.filter((one) => !isAmong(one, members))];
  const ours = [...before, ...members, ...(sorry ? [sorry] : [])];
  return { service: desiredService({ ...registration, members: pool }, found, ours), up, out, factors };
}

/** The weight that a server is to have. */
export function weightOf({ configured, gate, drain, health, quorum = 1 }: WeightFactors): number {
  return configured * gate * drain * health * quorum;
}

/**
 * Whether a server is left out of the table that would be in it at weight 0 for another reason than its health: where its
 * scheduler would refuse connections for its sake, and where it is down and on its way out, and is gone already.
 */
function isLeftOut(registration: Registration, member: Member, isHealthy: boolean): boolean {
  if (refusesForItsSake(registration, member)) return isRemoved(registration, !isHealthy);
  return member.draining === true && !isHealthy && isRemoved(registration, true);
}

/** Whether a server is held back, drains or is drained, and the scheduler would refuse those connections that hash to it. */
export function refusesForItsSake({ scheduler, schedulerFlags }: Registration, member: Member): boolean {
  const rests = member.weight > 0 && effectiveWeight(member) === 0;
  return rests && refusesAtWeightZero(scheduler, schedulerFlags);
}

/** A check that fails for nearly all of a pool is more likely to be wrong than the servers are (keepalived#1370). */
function failsOpen({ failOpenPercent }: Registration, all: readonly Member[], well: readonly Member[]) {
  return failOpenPercent !== undefined && well.length * 100 < failOpenPercent * all.length;
}

/**
 * keepalived's hysteresis: the sum of weights has to leave the quorum behind by so much before the state changes. A pool
 * all of whose servers are well is not kept down by it: there is nothing more to wait for.
 */
function hasQuorum({ weight, hysteresis }: Quorum, wasUp: boolean, total: number, whole: number): boolean {
  const needed = wasUp ? weight - hysteresis : Math.max(weight, Math.min(weight + hysteresis, whole));
  return total >= needed && total > 0;
}

/** The sorry server as a member of the pool; undefined where there is none. */
export function sorryMember({ sorryServer }: Registration): Member | undefined {
  return sorryServer && { ...sorryServer, weight: 1 };
}

/**
 * What becomes of a server that is out. At weight 0 its connections may end by themselves. Taken out altogether: where
 * weight 0 would keep clients pinned to one that is down (udp, persistence: kubernetes#76664, keepalived#1781), and where the
 * scheduler would refuse the connections that hash to it. One that is well and has to make room keeps its connections.
 */
function rested(registration: Registration, member: Member, isDown: boolean): Member[] {
  if (isRemoved(registration, isDown)) return [];
  const { lastWeight = effectiveWeight(member) } = member;
  return [{ ...member, held: true, lastWeight }];
}

function isRemoved(registration: Registration, isDown: boolean): boolean {
  const { onUnhealthy, protocol, persistence, scheduler, schedulerFlags } = registration;
  if (isDown && onUnhealthy !== undefined) return onUnhealthy === "remove";
  if (refusesAtWeightZero(scheduler, schedulerFlags)) return true;
  return isDown && (protocol === "udp" || persistence !== undefined);
}

function isAmong(one: Member, members: readonly Member[]): boolean {
  return members.some((other) => realServerKey(other) === realServerKey(one));
}

function sum(members: readonly Member[]): number {
  return members.reduce((total, one) => total + effectiveWeight(one), 0);
}
