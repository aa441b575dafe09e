import type { Pace } from "../checked";
import type { Plan } from "../plan";
import type { UnpackedProgram } from "./keepalived";

/** What a program inside a director is told to measure, as JSON on its standard input. */
export interface Order {
  readonly measure: "detection" | "start" | "checked-first" | "looks" | "rate" | "scrapes";
  readonly contestant: "agent" | "keepalived";
  readonly plan: Plan;
  readonly pace: Pace;
  /** heye-agent.js */
  readonly agent: string;
  readonly keepalived: UnpackedProgram;
  /** How long the daemon is watched while nothing else goes on, in seconds. */
  readonly idleS: number;
}

/** What came of a detection: seconds from each fault until the server took no new connection any more. */
export interface Detected {
  readonly refusedS: readonly number[];
  readonly silentS: readonly number[];
}

/** What came of a start. */
export interface Started {
  /** From the start of the process until the kernel held the whole table. */
  readonly startS: number;
  /** From the change's being told until the kernel held it. */
  readonly changeS: number;
  /** Processor time of all its processes, for the start and while nothing but checks went on. */
  readonly startCpuS: number;
  readonly idleCpuS: number;
  readonly peakMb: number;
  /** Checks that arrived at the servers while nothing else went on. */
  readonly checks: number;
}

/** What came of a start with servers that are down until they have been checked. */
export interface CheckedFirst {
  /** From the start of the process until the kernel sent new connections to all of them. */
  readonly startS: number;
  /** Processor time of all its processes until then. */
  readonly startCpuS: number;
}

/** What the looks at a table cost that stays as it is. */
export interface Looked {
  /** How long one took, in the mean. */
  readonly lookS: number;
  /** Processor time of the agent, for each. */
  readonly lookCpuS: number;
}

/** What came of so many checks a second. */
export interface Rated {
  /** Checks that arrived while it was watched, and for how many seconds that was. */
  readonly checks: number;
  readonly s: number;
  /** Of the checks that were due, those that came late or not at all. */
  readonly late: number;
  readonly due: number;
}

/** What came of scrapes. */
export interface Scraped {
  /** Processor time of the agent while it was scraped, and for as long without. */
  readonly scrapedCpuS: number;
  readonly idleCpuS: number;
  /** How long each scrape took until its last byte. */
  readonly scrapesS: readonly number[];
  /** Of one answer. */
  readonly bytes: number;
  readonly peakMb: number;
}
