import type { DeclaredRealServer } from "./real-server";
import { isRecord } from "./record";
import {
  goesByOrder,
  ignoresWeights,
  refusesAtWeightZero,
  SCHEDULER_FLAGS,
  type SchedulerFlag,
} from "./scheduler";
import type { VirtualServer } from "./virtual-server";

/**
 * Combinations that IPVS accepts and that cannot mean what was asked: sentences for people, each with the reason. What
 * is not known yet is passed over.
 *
 * @param directors how many there are, and how they are run, where that is known
 */
export function virtualServerLint(
  server: VirtualServer,
  { directors, mode }: { readonly directors?: number | undefined; readonly mode?: unknown },
): string[] {
  const declared: readonly DeclaredRealServer[] = Array.isArray(server.realServers) ? server.realServers : [];
  const pool = declared.filter((one) => isRecord(one as unknown));
  return [
    ...weightLint(server, pool),
    ...poolLint(server, pool),
    ...thresholdLint(server, pool, directors),
    ...markLint(server, pool),
    ...(mode === "ssh" ? agentLint(server) : []),
  ];
}

function weightLint({ scheduler }: VirtualServer, pool: readonly DeclaredRealServer[]): string[] {
  const known = pool.map(({ weight }): unknown => weight).filter((weight) => typeof weight === "number");
  const weights = new Set(known.filter((weight) => weight !== 0));
  if (!ignoresWeights(scheduler) || weights.size < 2) return [];
  const weighted = scheduler === "dh" ? "wrr" : `w${scheduler}`;
  return [
    `the scheduler ${scheduler} treats all weights but 0 alike; for shares by weight use ${weighted} or mh`,
  ];
}

function poolLint(server: VirtualServer, pool: readonly DeclaredRealServer[]): string[] {
  const { scheduler, schedulerFlags } = server;
  const lint: string[] = [];
  if (goesByOrder(scheduler) && server.realServers === undefined) {
    lint.push(
      `${scheduler} depends on the order in which servers enter, and separate RealServer resources enter each director as they ` +
        "arrive there: directors may choose different servers for some flows; list the pool in realServers",
    );
  }
  if (scheduler === "dh" && server.fwmark === undefined) {
    lint.push(
      "dh chooses by the address that clients ask for, which is always the same one here: one server gets every connection; " +
        "it is for firewall marks that cover many addresses",
    );
  }
  if (!areKnown(schedulerFlags) || !refusesAtWeightZero(scheduler, schedulerFlags)) return lint;
  const resting = pool.filter(({ weight }) => weight === 0);
  const who = resting.length === 0 ? "a server" : resting.map(({ address }) => address).join(", ");
  if (scheduler === "dh") {
    lint.push(
      `dh refuses the connections that hash to ${who} at weight 0, and removed servers are not drained: it has no fallback, ` +
        "mh and sh have",
    );
    return lint;
  }
  lint.push(
    `${scheduler} without ${scheduler}-fallback refuses the connections that hash to ${who} at weight 0, and removed servers ` +
      `are not drained: add schedulerFlags: ["${scheduler}-fallback"]`,
  );
  return lint;
}

/** Absent, or a list of flags of which each is known: one that is not may be the very one that is missing. */
function areKnown(flags: readonly SchedulerFlag[] | undefined): boolean {
  if (flags === undefined) return true;
  return Array.isArray(flags) && flags.every((flag) => SCHEDULER_FLAGS.includes(flag));
}

/** The check by way of the virtual address needs one. */
function markLint({ fwmark, healthCheck }: VirtualServer, pool: readonly DeclaredRealServer[]): string[] {
  const [method] = new Set(pool.map((one) => one.forwarding).filter((one) => one === "dr" || one === "tun"));
  const { type } = healthCheck;
  if (typeof fwmark !== "number" || method === undefined || type === "none") return [];
  return [
    `servers of a firewall mark are asked at their own addresses alone: by ${method} a server can answer there and lack an address that ` +
      "clients ask for",
  ];
}

function thresholdLint(
  { scheduler }: VirtualServer,
  pool: readonly DeclaredRealServer[],
  directors: number | undefined,
): string[] {
  if (!pool.some(({ upperThreshold }) => upperThreshold !== undefined)) return [];
  const lint: string[] = [];
  if (directors !== undefined && directors > 1) {
    lint.push(
      `thresholds count on each of the ${directors} directors by itself: a server may get ${directors} times as many connections`,
    );
  }
  if (scheduler === "mh" || scheduler === "sh") {
    lint.push(
      `${scheduler} passes over a server at its threshold on one director and not on another: they stop choosing the same server`,
    );
  }
  return lint;
}

function agentLint(server: VirtualServer): string[] {
  const named = (["quorum", "sorryServer", "onUnhealthy", "failOpenPercent"] as const).filter(
    (name) => server[name] !== undefined,
  );
  if (named.length === 0) return [];
  return [
    `${named.join(" and ")}: nothing acts on ${named.length === 1 ? "it" : "them"}, because the Cluster has the mode ssh, in which nobody watches servers between changes`,
  ];
}
