/** Which CPU a guest is to run on. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** How long the CPUs are watched, in milliseconds: ten ticks. */
const SAMPLE_MS = 100;

/**
 * The CPU this process may use that the fewest guests of other labs are bound to; the one that has been idle the most for
 * a moment among those. A guest may be idle just now and busy for minutes.
 */
export async function idlestCpu(): Promise<number> {
  const allowed = cpusIn(
    /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0",
  );
  const before = idleTicks(readFileSync("/proc/stat", "utf8"));
  await delay(SAMPLE_MS);
  const after = idleTicks(readFileSync("/proc/stat", "utf8"));
  const idle = (cpu: number): number => (after.get(cpu) ?? 0) - (before.get(cpu) ?? 0);
  const guests = guestsByCpu(statusesOfAll());
  const least = (cpus: readonly number[], by: (cpu: number) => number): number[] =>
    cpus.filter((cpu) => by(cpu) === Math.min(...cpus.map(by)));
  const free = least(allowed, (cpu) => guests.get(cpu) ?? 0);
  const best = least(free, (cpu) => -idle(cpu));
  return best[Math.floor(Math.random() * best.length)] ?? 0;
}

/** How many guests are bound to each CPU, from the texts of /proc/PID/status. */
export function guestsByCpu(statuses: readonly string[]): Map<number, number> {
  const guests = new Map(
    statuses
      .filter((status) => /^Name:\tlinux\.uml$/m.test(status))
      .map((status) => [numberIn(status, "Pid"), status]),
  );
  const counts = new Map<number, number>();
  for (const status of guests.values()) {
    // What runs in a guest are its children here, of the same name.
    if (guests.has(numberIn(status, "PPid"))) continue;
    const [cpu, ...others] = cpusIn(/^Cpus_allowed_list:\t(.*)$/m.exec(status)?.[1] ?? "0");
    if (cpu !== undefined && others.length === 0) counts.set(cpu, (counts.get(cpu) ?? 0) + 1);
  }
  return counts;
}

function numberIn(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\t(\\d+)$`, "m").exec(status)?.[1]);
}

/** The texts of /proc/PID/status of all processes; one that ends meanwhile has none. */
function statusesOfAll(): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      return [readFileSync(`/proc/${pid}/status`, "utf8")];
    } catch {
      return [];
    }
  });
}

/** The CPUs of a list such as "0-3,8". */
export function cpusIn(list: string): number[] {
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** Idle ticks by CPU, from the text of /proc/stat. */
export function idleTicks(stat: string): Map<number, number> {
  const lines = stat.matchAll(/^cpu(\d+) (?:\d+ ){3}(\d+)/gm);
  return new Map([...lines].map(([, cpu, idle]) => [Number(cpu), Number(idle)]));
}
