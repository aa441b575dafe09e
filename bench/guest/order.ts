import type { Pace } from "../checked";
import type { Plan } from "../plan";
import type { UnpackedProgram } from "./keepalived";

/** What a program inside a director is told to measure, as JSON on its standard input. */
export interface Order {
  readonly measure: "detection" | "start" | "scrapes";
  readonly contestant: "agent" | "keepalived";
  readonly plan: Plan;
  readonly pace: Pace;
  /** heye-agent.js */
  readonly agent: string;
  readonly keepalived: UnpackedProgram;
  /** How long the checks alone are watched, in seconds. */
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
