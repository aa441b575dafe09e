/** Which CPU a guest is to run on. */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** How long the CPUs are watched, in milliseconds: ten ticks. */
const SAMPLE_MS = 100;

/** The CPU this process may use that has been idle the most for a moment; any of them among equals. */
export async function idlestCpu(): Promise<number> {
  const allowed = cpusIn(
    /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0",
  );
  const before = idleTicks(readFileSync("/proc/stat", "utf8"));
  await delay(SAMPLE_MS);
  const after = idleTicks(readFileSync("/proc/stat", "utf8"));
  const idle = (cpu: number): number => (after.get(cpu) ?? 0) - (before.get(cpu) ?? 0);
  const most = Math.max(...allowed.map(idle));
  const best = allowed.filter((cpu) => idle(cpu) === most);
  return best[Math.floor(Math.random() * best.length)] ?? 0;
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
