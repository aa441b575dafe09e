import type { PlaneAnswer } from "../director/data";
import type { Keeper } from "./keeper";
import type { MaintenanceState } from "./maintenance";
import { faultsOf } from "./readiness";

/** Something that somebody should look at. It withdraws nothing by itself. */
export interface Alarm {
  /** One of few, for programs: `trouble`, `drift`, `busy`, `etcd`, `conflict`, `registry`, or a fault of {@link faultsOf}. */
  readonly alarm: string;
  /** For people. */
  readonly detail: string;
}

/** Something that takes longer hangs: the kernel's tools, or a disk. */
export const STUCK_MS = 10_000;

/** Alarms that say that the table is not kept. */
const SERIOUS: ReadonlySet<string> = new Set(["busy", "trouble", "unreadable"]);

/** The first that says that the table is not kept; undefined: it is, whatever else somebody should look at. */
export function seriousAlarm(alarms: readonly Alarm[]): Alarm | undefined {
  return alarms.find(({ alarm }) => SERIOUS.has(alarm));
}

/** All that is wrong. */
export function alarmsOf(
  view: Keeper["view"],
  maintenance: MaintenanceState | undefined,
  plane?: PlaneAnswer,
): Alarm[] {
  const { trouble, busyMs, drift } = view;
  const faults = faultsOf(view, maintenance);
  const alarms: Alarm[] = faults.map(({ fault, detail }) => ({ alarm: fault, detail }));
  if (busyMs > STUCK_MS) {
    const detail = `what it is doing takes ${Math.round(busyMs / 1000)} s so far`;
    alarms.push({ alarm: "busy", detail });
  }
  const isTold = faults.some(({ fault }) => fault === "unreadable");
  if (trouble !== undefined && !isTold) alarms.push({ alarm: "trouble", detail: trouble });
  if (drift.length > 0)
    alarms.push({ alarm: "drift", detail: `${drift.length} entries differ from what is declared` });
  return plane ? [...alarms, ...planeAlarms(plane)] : alarms;
}

/** What is shared and not followed: the director goes on with what it has. */
function planeAlarms({ state, reason, revision, conflicts }: PlaneAnswer): Alarm[] {
  const standing = `${state === "lost" ? "lost" : "not followed"} at revision ${revision}`;
  const lost = { alarm: "etcd", detail: reason === undefined ? standing : `${standing}: ${reason}` };
  const ofConflicts = conflicts.map((detail) => ({ alarm: "conflict", detail }));
  return [...(state === "lost" || state === "alarm" ? [lost] : []), ...ofConflicts];
}
