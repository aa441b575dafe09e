/** Processes by pid and start time: a pid alone may have been given to somebody else since it was written down. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** One process on this machine, for good. */
export interface ProcessRecord {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly start: string;
  /** For people: what it is. */
  readonly what: string;
}

/** Record of a running process; undefined when there is none (or it is dead and waits to be reaped). */
export function recordOf(pid: number, what: string): ProcessRecord | undefined {
  const stat = statOf(pid);
  return stat && { pid, start: stat.start, what };
}

function statOf(pid: number): { readonly parent: number; readonly start: string } | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The second field is the command in parentheses, which may hold spaces and parentheses of its own.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, parent, threads, start] = [fields[0], fields[1], fields[17], fields[19]];
  // Its first thread may be dead while others are still ending: ports and files are closed with the last one.
  const isDead = state === "X" || (state === "Z" && Number(threads) <= 1);
  if (start === undefined || isDead) return undefined;
  return { parent: Number(parent), start };
}

/** The only child of a process; undefined when it has none. */
export function childOf(pid: number | undefined): number | undefined {
  const isChild = (name: string): boolean => statOf(Number(name))?.parent === pid;
  const name = readdirSync("/proc").find((entry) => /^\d+$/.test(entry) && isChild(entry));
  return name === undefined ? undefined : Number(name);
}

/** Is this very process still running? */
export function isAlive(record: ProcessRecord): boolean {
  return recordOf(record.pid, record.what)?.start === record.start;
}

/** Sends a signal, if this very process is still running. */
export function signal(record: ProcessRecord, name: "SIGTERM" | "SIGKILL"): void {
  if (!isAlive(record)) return;
  try {
    process.kill(record.pid, name);
  } catch {
    // It ended between the two lines: what was wanted.
  }
}

/** Resolves to true once the process is gone, to false when it is still there after `timeoutMs`. */
export async function gone(record: ProcessRecord, timeoutMs: number): Promise<boolean> {
  const end = Date.now() + timeoutMs;
  while (isAlive(record)) {
    if (Date.now() > end) return false;
    await delay(20);
  }
  return true;
}
