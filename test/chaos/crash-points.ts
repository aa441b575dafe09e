/** Where an agent is killed: around each thing that outlives it. */
import type { Store } from "./store";

/** Files that outlive an agent, by their names on a director. */
export const DURABLE_FILES = {
  journal: "journal.json",
  registry: "registry",
  health: "health.json",
  plane: "plane.json",
} as const;

/**
 * Of a file that is replaced: `torn`, a half of it is written beside it; `beside`, all of it is, and is not yet in its place; `in
 * place`, it is, and its folder is not yet synced. Of the journal: `to go`, the registry is durable and the journal still there;
 * `gone`. Of a batch of edits: before the kernel has it, when it has a half of it, and when it has all.
 */
export const CRASH_POINTS = [
  ...(["journal torn", "journal beside", "journal in place"] as const),
  ...(["batch begun", "batch half made", "batch made"] as const),
  ...(["registry torn", "registry beside", "registry in place"] as const),
  ...(["journal to go", "journal gone"] as const),
  ...(["health torn", "health beside", "health in place"] as const),
] as const;

/** Where directors share an etcd: of the revision that a director has applied. */
const ETCD_CRASH_POINTS = ["plane torn", "plane beside", "plane in place"] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number] | (typeof ETCD_CRASH_POINTS)[number];

/** Points that agents of a store come to. */
export function crashPointsOf(store: Store): readonly CrashPoint[] {
  return store === "file" ? CRASH_POINTS : [...CRASH_POINTS, ...ETCD_CRASH_POINTS];
}

/** On a director: which point its agent is to be killed at, once, and at which it was. */
export const CRASH_FILES = { armed: "/run/heye/chaos-point", struck: "/run/heye/chaos-struck" } as const;

/** On a director: what loss of power would bring back, by the path of what had taken its place. */
export const UNSYNCED_FOLDER = "/run/heye/chaos-unsynced";
/** Stands for what was not there, at the end of a name in that folder. */
export const ABSENT = ".absent";
