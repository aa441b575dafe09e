/** What happens to an agent in a walk: made from a seed, so that it can be made again. */
import { Random } from "../pulumi/random";

/** What is asked of the agent, or done to it in order. */
export const OPERATIONS = ["put", "weigh", "drain", "delete", "restart", "rest"] as const;

/** What goes wrong meanwhile. */
export const DISASTERS = [
  ...(["none", "killed", "power lost", "disk full", "kernel refuses"] as const),
  ...(["table wiped", "weight edited", "edited midway", "second writer"] as const),
  ...(["server dies", "server is silent", "half die", "all die", "servers flap", "all revive"] as const),
] as const;

/** Where an agent is killed: before, in the middle of and after each thing that outlives it. */
export const CRASH_POINTS = [
  ...(["journal torn", "journal written"] as const),
  ...(["batch begun", "batch half made", "batch made"] as const),
  ...(["registry torn", "registry written", "change ended"] as const),
  ...(["health torn", "health written"] as const),
  "at rest",
] as const;

export type Operation = (typeof OPERATIONS)[number];
export type Disaster = (typeof DISASTERS)[number];
export type CrashPoint = (typeof CRASH_POINTS)[number];

/** How servers are chosen: two that leave who is down in the table, and three that hash, of which two refuse for his sake. */
export const WALK_SCHEDULERS = ["rr", "wrr", "sh", "sh -b sh-fallback", "mh"] as const;

export type WalkScheduler = (typeof WALK_SCHEDULERS)[number];

/** One step of a walk. */
export interface WalkStep {
  readonly operation: Operation;
  readonly disaster: Disaster;
  /** Of `killed` and `power lost`. */
  readonly point: CrashPoint;
  /** Which virtual server, of {@link SERVICES}. */
  readonly service: number;
  /** Which real server, of {@link SERVERS}. */
  readonly server: number;
  /** The weights of all servers for `put`; undefined: not in the pool. */
  readonly weights: readonly (number | undefined)[];
  readonly scheduler: WalkScheduler;
}

/** How many virtual and real servers there are. */
export const SERVICES = 3;
export const SERVERS = 6;

/** The steps of a walk. The same seed makes the same steps. */
export function walkSchedule(seed: number, length: number): WalkStep[] {
  const random = new Random(seed);
  const below = (limit: number) => Math.floor(random.next() * limit);
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  return Array.from({ length }, () => ({
    // A pool has to be there for anything to happen to it.
    operation: one([...OPERATIONS, "put", "put", "weigh"]),
    disaster: one([...DISASTERS, "none", "killed", "killed", "power lost", "all revive"]),
    point: one(CRASH_POINTS),
    service: below(SERVICES),
    server: below(SERVERS),
    weights: Array.from({ length: SERVERS }, () => (random.next() < 0.5 ? undefined : below(5))),
    scheduler: one(WALK_SCHEDULERS),
  }));
}

/** A step as a person reads it. */
export function stepText({ operation, disaster, point, service, server, weights, scheduler }: WalkStep) {
  const where = disaster === "killed" || disaster === "power lost" ? ` (${point})` : "";
  const pool = operation === "put" ? ` ${scheduler} [${weights.map((one) => one ?? "-").join(" ")}]` : "";
  return `${operation} vs${service}${pool} rs${server}, ${disaster}${where}`;
}
