import * as z from "zod";
import { word } from "./fields";
import type { Problem } from "./problem";

/**
 * The schedulers of the Linux kernel, by the names ipvsadm uses (net/netfilter/ipvs/ip_vs_*.c, Linux 6.12).
 * `twos` came with Linux 5.15, `mh` with 4.18; a director whose kernel lacks one says so when it is asked for it.
 */
export const SCHEDULERS = [
  "rr",
  "wrr",
  "lc",
  "wlc",
  "lblc",
  "lblcr",
  "dh",
  "sh",
  "sed",
  "nq",
  "fo",
  "ovf",
  "mh",
  "twos",
] as const;

/** How a director chooses the real server of a new connection. */
export type Scheduler = (typeof SCHEDULERS)[number];

/** Schema of {@link Scheduler}. */
export const scheduler = word(SCHEDULERS).describe(
  "how a director chooses the real server of a new connection",
);

/**
 * Flags of the hashing schedulers (IP_VS_SVC_F_SCHED_* of the kernel): `port` hashes the client's port besides its
 * address; `fallback` looks on where the hash falls on a server that takes no connections, instead of refusing them.
 */
export const SCHEDULER_FLAGS = ["sh-fallback", "sh-port", "mh-fallback", "mh-port"] as const;

/** See {@link SCHEDULER_FLAGS}. */
export type SchedulerFlag = (typeof SCHEDULER_FLAGS)[number];

/** Schema of a list of flags. */
export const schedulerFlags = z
  .array(word(SCHEDULER_FLAGS), { error: "expected a list of flags" })
  .describe("flags of the scheduler");

/** In the order in which ipvsadm prints them, each once. */
export function normalFlags(flags: readonly SchedulerFlag[]): SchedulerFlag[] {
  return SCHEDULER_FLAGS.filter((flag) => flags.includes(flag));
}

/** Flags that do not belong to the scheduler; of one that is none, nothing is said. Paths are relative to the list. */
export function flagProblems(flags: readonly SchedulerFlag[], of: Scheduler): Problem[] {
  if (!SCHEDULERS.includes(of)) return [];
  return flags.flatMap((flag, index) => {
    if (!SCHEDULER_FLAGS.includes(flag) || flag.startsWith(`${of}-`)) return [];
    const reason = `expected a flag of the scheduler ${of}, found ${flag}: only ${flag.slice(0, 2)} has it`;
    return [{ path: [index], reason }];
  });
}

/**
 * Whether connections that hash to a server with weight 0 are refused instead of going to another one. `dh` has no flag
 * against it (net/netfilter/ipvs/ip_vs_dh.c, ip_vs_dh_schedule).
 */
export function refusesAtWeightZero(of: Scheduler, flags: readonly SchedulerFlag[] = []): boolean {
  return of === "dh" || ((of === "mh" || of === "sh") && !flags.includes(`${of}-fallback`));
}

/**
 * Schedulers that find a connection's server in a table, which they fill from the servers in the order in which these entered
 * the kernel: directors with the same order choose alike (ip_vs_{mh,sh,dh}.c).
 */
export function goesByOrder(of: string | undefined): boolean {
  return of === "mh" || of === "sh" || of === "dh";
}

/** Schedulers for which weights other than 0 mean nothing (net/netfilter/ipvs/ip_vs_{rr,lc,dh}.c). */
export function ignoresWeights(of: Scheduler): boolean {
  return of === "rr" || of === "lc" || of === "dh";
}
