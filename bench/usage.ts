import { readFileSync } from "node:fs";
import { childrenOf, cpuSeconds, orGone, peakMegabytes } from "./proc";

/** Programs of a run, told apart by their command lines. */
export type Role = "engine" | "program" | "provider";

/** What processes of one role have used. */
export interface Usage {
  /** Processor time in seconds, user and system. */
  readonly cpuS: number;
  /** The most memory that one of them ever held, in megabytes (VmHWM). */
  readonly peakMb: number;
}

const SAMPLE_EVERY_MS = 200;
/** New processes are looked for less often, because that means reading about every thread. */
const LIST_EVERY_MS = 250;

interface Sample {
  /** undefined: none of those that are watched. */
  readonly role: Role | undefined;
  /** Processor time of a process that was there before the watch began does not count. */
  readonly beforeS: number;
  cpuS: number;
  peakMb: number;
}

/**
 * Watches what the descendants of this process use, from outside: nothing runs in them for it. The last fifth of a
 * second of a process's life may be missed.
 */
export class UsageWatch {
  readonly #samples = new Map<number, Sample>();
  readonly #timers: readonly NodeJS.Timeout[];

  constructor() {
    this.#list(true);
    this.#timers = [
      setInterval(() => this.#list(false), LIST_EVERY_MS),
      setInterval(() => this.#measure(), SAMPLE_EVERY_MS),
    ];
  }

  /** Ends the watch; may be called again. */
  stop(): Readonly<Record<Role, Usage>> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#measure();
    const usage = { engine: NONE, program: NONE, provider: NONE };
    for (const { role, beforeS, cpuS, peakMb } of this.#samples.values()) {
      if (role === undefined) continue;
      const { cpuS: sum, peakMb: highest } = usage[role];
      usage[role] = { cpuS: sum + cpuS - beforeS, peakMb: Math.max(highest, peakMb) };
    }
    return usage;
  }

  #list(first: boolean): void {
    for (const pid of descendants(process.pid)) {
      if (this.#samples.get(pid)?.role !== undefined) continue;
      // Again for those without a role: a process may become another program after its start.
      const role = orGone(() => roleOf(readFileSync(`/proc/${pid}/cmdline`, "utf8")));
      const cpuS = (first && orGone(() => cpuSeconds(pid))) || 0;
      this.#samples.set(pid, { role, beforeS: cpuS, cpuS, peakMb: 0 });
    }
    this.#measure();
  }

  #measure(): void {
    for (const [pid, sample] of this.#samples) {
      if (sample.role === undefined) continue;
      sample.cpuS = orGone(() => cpuSeconds(pid)) ?? sample.cpuS;
      // A process that is ending has no memory any more.
      sample.peakMb = Math.max(sample.peakMb, orGone(() => peakMegabytes(pid)) ?? 0);
    }
  }
}

const NONE: Usage = { cpuS: 0, peakMb: 0 };

function roleOf(commandLine: string): Role | undefined {
  const [program = "", ...args] = commandLine.split("\0");
  if (args.some((word) => word.includes("cmd/dynamic-provider"))) return "provider";
  if (args.some((word) => word.includes("/@pulumi/pulumi/cmd/run"))) return "program";
  return /(^|\/)pulumi$/.test(program) ? "engine" : undefined;
}

/** The lab's guest has hundreds of processes, none of them a program of the run. */
const GUEST = "linux.uml\n";

/** All processes below one. */
function descendants(root: number): number[] {
  return childrenOf(root)
    .filter((pid) => orGone(() => readFileSync(`/proc/${pid}/comm`, "utf8")) !== GUEST)
    .flatMap((pid) => [pid, ...descendants(pid)]);
}
