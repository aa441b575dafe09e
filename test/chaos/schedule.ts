/** What happens in a schedule of chaos, made from a seed alone, so that a schedule that failed can be made again. */
import { Random } from "../pulumi/random";
import { type CrashPoint, crashPointsOf } from "./crash-points";
import type { Store } from "./store";

/** What is asked of the cluster, or done to its agents in order. All but `create` and `delete` concern the service under load. */
export const OPERATIONS = [
  ...(["weights", "pool", "drain", "create", "delete"] as const),
  ...(["restart agents", "upgrade agents", "drain over restart", "turn mode", "nothing"] as const),
] as const;

/** What goes wrong meanwhile. */
export const FAULTS = [
  ...(["none", "kill agent", "kill agent again and again", "killed at a point", "reboot director"] as const),
  ...(["power lost", "disk full", "clock forward", "clock back", "table wiped", "weight edited"] as const),
  ...(["two writers", "two writers of one service", "second agent"] as const),
  ...(["server silent", "server refuses", "server never answers", "server resets", "server slow"] as const),
  ...(["server long dead", "server dead at boot", "server flaps", "half dead", "all dead"] as const),
] as const;

/** What goes wrong besides where directors share an etcd. */
export const ETCD_FAULTS = [
  ...(["etcd lost", "etcd member stopped", "etcd member cut off", "etcd member replaced"] as const),
  "etcd network slow",
  ...(["etcd compacted", "split in halves", "old table", "clocks apart", "API writers"] as const),
] as const;

export type Operation = (typeof OPERATIONS)[number];
export type EtcdFault = (typeof ETCD_FAULTS)[number];
export type Fault = (typeof FAULTS)[number] | EtcdFault;

/** One step: the fault strikes, the operation is made `afterMs` later, and all is mended when both have had their effect. */
export interface Step {
  readonly operation: Operation;
  readonly fault: Fault;
  readonly afterMs: number;
  /** Which director, from 0. */
  readonly director: number;
  /** Which server, from 0. */
  readonly server: number;
  /** Weights of all servers, for `weights` and `create`. */
  readonly weights: readonly number[];
  /** Of `killed at a point`. */
  readonly point: CrashPoint;
}

/** How large the lab of a schedule is. With etcd a half of the directors is not the same as one of them. */
export const DIRECTORS: Readonly<Record<Store, number>> = { file: 2, etcd: 3 };
export const SERVERS = 3;
/** Of etcd: as many as there are servers, so that a step's server names one of them too. */
export const MEMBERS = SERVERS;

/** While there are no agents nobody heeds servers and tables. */
const WITH_TURN: readonly Fault[] = ["none", "kill agent", "disk full", "clock forward", "clock back"];

/** Operations that end agents themselves, and what does not meet them. */
export const ENDING_AGENTS: readonly Operation[] = ["restart agents", "upgrade agents", "drain over restart"];
/** An agent that ends hangs up on the other writer, who would have to try again, and comes to few of its points. */
const WITHOUT_END: readonly Fault[] = ["two writers", "two writers of one service", "killed at a point"];
/** Where nothing is written down an agent comes to no point. */
const WITHOUT_WRITES: readonly Fault[] = ["killed at a point"];

/** What is done to directors of a store. Those without agents share nothing. */
export function operationsOf(store: Store): readonly Operation[] {
  return store === "file" ? OPERATIONS : OPERATIONS.filter((one) => one !== "turn mode");
}

/** What goes wrong with them. */
export function faultsOf(store: Store): readonly Fault[] {
  return store === "file" ? FAULTS : [...FAULTS, ...ETCD_FAULTS];
}

/** Which faults an operation meets. */
export function faultsWith(operation: Operation, store: Store = "file"): readonly Fault[] {
  if (store === "etcd") return [...faultsWith(operation), ...ETCD_FAULTS];
  if (operation === "turn mode") return WITH_TURN;
  const without = ENDING_AGENTS.includes(operation)
    ? WITHOUT_END
    : operation === "nothing"
      ? WITHOUT_WRITES
      : [];
  return FAULTS.filter((fault) => !without.includes(fault));
}

/** The steps of a schedule. The same seed makes the same ones. With etcd every other fault is one of its own, on average. */
export function schedule(seed: number, length: number, store: Store = "file"): Step[] {
  const random = new Random(seed);
  const below = (limit: number) => Math.floor(random.next() * limit);
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  return Array.from({ length }, () => {
    const operation = one(operationsOf(store));
    const isOfEtcd = store === "etcd" && below(2) === 0;
    return {
      operation,
      fault: one(isOfEtcd ? ETCD_FAULTS : faultsWith(operation)),
      afterMs: below(1_200),
      director: below(DIRECTORS[store]),
      server: below(SERVERS),
      weights: Array.from({ length: SERVERS }, () => 1 + below(9)),
      point: one(crashPointsOf(store)),
    };
  });
}

/** A step as a person reads it. */
export function stepText({ operation, fault, afterMs, director, server, weights, point }: Step): string {
  const what = fault === "killed at a point" ? `${fault} (${point})` : fault;
  return `${operation} (weights ${weights.join(" ")}) ${afterMs} ms after ${what}, d${director + 1}, rs${server + 1}`;
}
