import type { Registry } from "../director/data";
import type { Limits } from "../ipvs";
import { registrations } from "./probes";

/** Whether any server has thresholds: the table does not tell them, and they have to be asked for. */
export function isLimited(registry: Registry): boolean {
  return [...registrations(registry).values()].some(({ members }) =>
    members.some(({ upperThreshold = 0 }) => upperThreshold > 0),
  );
}

/** The thresholds of what is registered, as a text to compare; empty: they were not asked for. */
export function limitsText(registry: Registry, limits: Limits | undefined): string {
  const ours = [...registrations(registry).keys()].map((key) => [...(limits?.get(key) ?? [])]);
  return limits === undefined ? "" : JSON.stringify(ours);
}
