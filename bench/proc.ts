import { readdirSync, readFileSync } from "node:fs";

/** Of the processor times in /proc; the same on every architecture that Linux serves today. */
const TICKS_PER_S = 100;

/** The children of a process; the kernel keeps those of every thread apart. None where it has ended. */
export function childrenOf(pid: number): number[] {
  const threads = orGone(() => readdirSync(`/proc/${pid}/task`)) ?? [];
  return threads
    .flatMap((thread) =>
      (orGone(() => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8")) ?? "").trim().split(" "),
    )
    .map(Number)
    .filter((child) => child > 0);
}

/** A process and all below it that have not ended. */
export function treeOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(treeOf)];
}

/** Processor time that a process has used, user and system, in seconds. Throws when it has ended. */
export function cpuSeconds(pid: number): number {
  const [user, system] = timesOf(pid);
  return user + system;
}

/** The same with its children that have ended and that it has waited for. */
export function cpuSecondsWithEnded(pid: number): number {
  return timesOf(pid).reduce((sum, s) => sum + s, 0);
}

/** The most memory that a process ever held (VmHWM), in megabytes. Throws when it has ended. */
export function peakMegabytes(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}

/** undefined when the process has ended since it was listed; what is known of it stays. */
export function orGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** User and system time, its own and that of ended children: fields 14 to 17 of `stat`. */
function timesOf(pid: number): [number, number, number, number] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // From the process's state on: its name, in parentheses, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const at = (index: number) => Number(fields[index]) / TICKS_PER_S;
  return [at(11), at(12), at(13), at(14)];
}
