import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import type { Pace } from "../checked";
import type { PlannedService } from "../plan";
import { cpuSecondsWithEnded, orGone, peakMegabytes, treeOf } from "../proc";

/** Who keeps the table: the agent, or keepalived. */
export interface Contestant {
  /** Writes what it reads at its start. */
  prepare(services: readonly PlannedService[], pace: Pace): Promise<void>;
  /** Starts it; nothing is waited for. */
  launch(): Daemon;
  /** Writes, or works out, what makes the virtual servers these. @returns what makes it take them up */
  prepareChange(services: readonly PlannedService[], pace: Pace): Promise<() => Promise<void>>;
}

/** Processes of a contestant take longer to end when a table has to be taken down line by line. */
const END_MS = 60_000;

/** A program that runs until it is told to end, with all its children. */
export class Daemon {
  readonly #process: ChildProcess;

  /** @param log the file that takes what it prints */
  constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv, log: string) {
    const file = openSync(log, "w");
    this.#process = spawn(program, args, { env, stdio: ["ignore", file, file] });
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error("a contestant could not be started");
    return this.#process.pid;
  }

  /** Whether it still runs. */
  get runs(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Processor seconds of all its processes since its start, those that have ended among them. */
  cpuS(): number {
    return sum(treeOf(this.pid).map((pid) => orGone(() => cpuSecondsWithEnded(pid)) ?? 0));
  }

  /** The most memory that each of its processes ever held, added up, in megabytes. */
  peakMb(): number {
    return sum(treeOf(this.pid).map((pid) => orGone(() => peakMegabytes(pid)) ?? 0));
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Ends it in order, and waits. */
  async end(): Promise<void> {
    if (!this.runs) return;
    const ended = once(this.#process, "exit");
    this.signal("SIGTERM");
    const hung = setTimeout(() => this.signal("SIGKILL"), END_MS);
    await ended;
    clearTimeout(hung);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
