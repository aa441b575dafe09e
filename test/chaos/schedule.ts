/** What happens in a schedule of chaos, made from a seed alone, so that a schedule that failed can be made again. */
import { Random } from "../pulumi/random";

/** What is asked of the cluster, or done to its agents in order. All but `create` and `delete` concern the service under load. */
export const OPERATIONS = [
  ...(["weights", "pool", "drain", "create", "delete"] as const),
  ...(["restart agents", "upgrade agents", "turn mode", "nothing"] as const),
] as const;

/** What goes wrong meanwhile. */
export const FAULTS = [
  ...(["none", "kill agent", "kill agent again and again", "reboot director", "disk full"] as const),
  ...([
    "clock forward",
    "clock back",
    "table wiped",
    "weight edited",
    "two writers",
    "second agent",
  ] as const),
  ...(["server silent", "server refuses", "server never answers", "server resets", "server slow"] as const),
  ...(["server flaps", "half dead", "all dead"] as const),
] as const;

/** What goes wrong besides where directors share an etcd. */
export const ETCD_FAULTS = [
  ...(["etcd lost", "etcd member slow", "etcd member cut off", "etcd member replaced"] as const),
  ...(["etcd compacted", "split in halves", "old table", "clocks apart", "API writers"] as const),
] as const;

/** Where directors have what is declared: each in a file of its own, or all in one etcd. */
export const STORES = ["file", "etcd"] as const;

export type Operation = (typeof OPERATIONS)[number];
export type EtcdFault = (typeof ETCD_FAULTS)[number];
export type Fault = (typeof FAULTS)[number] | EtcdFault;
export type Store = (typeof STORES)[number];

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
}

/** How large the lab of a schedule is. With etcd a half of the directors is not the same as one of them. */
export const DIRECTORS: Readonly<Record<Store, number>> = { file: 2, etcd: 3 };
export const SERVERS = 3;
/** Of etcd: as many as there are servers, so that a step's server names one of them too. */
export const MEMBERS = SERVERS;

/** While there are no agents nobody heeds servers and tables. */
const WITH_TURN: readonly Fault[] = ["none", "kill agent", "disk full", "clock forward", "clock back"];

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
  // An agent that ends hangs up on the other writer, who would have to try again.
  const endsAgents = operation === "restart agents" || operation === "upgrade agents";
  return endsAgents ? FAULTS.filter((fault) => fault !== "two writers") : FAULTS;
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
    };
  });
}

/** A step as a person reads it. */
export function stepText({ operation, fault, afterMs, director, server, weights }: Step): string {
  return `${operation} (weights ${weights.join(" ")}) ${afterMs} ms after ${fault}, d${director + 1}, rs${server + 1}`;
}
