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

export type Operation = (typeof OPERATIONS)[number];
export type Fault = (typeof FAULTS)[number];

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

/** How large the lab of a schedule is. */
export const DIRECTORS = 2;
export const SERVERS = 3;

/** While there are no agents nobody heeds servers and tables. */
const WITH_TURN: readonly Fault[] = ["none", "kill agent", "disk full", "clock forward", "clock back"];

/** Which faults an operation meets. */
export function faultsWith(operation: Operation): readonly Fault[] {
  if (operation === "turn mode") return WITH_TURN;
  // An agent that ends hangs up on the other writer, who would have to try again.
  const endsAgents = operation === "restart agents" || operation === "upgrade agents";
  return endsAgents ? FAULTS.filter((fault) => fault !== "two writers") : FAULTS;
}

/** The steps of a schedule. The same seed makes the same ones. */
export function schedule(seed: number, length: number): Step[] {
  const random = new Random(seed);
  const below = (limit: number) => Math.floor(random.next() * limit);
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  return Array.from({ length }, () => {
    const operation = one(OPERATIONS);
    return {
      operation,
      fault: one(faultsWith(operation)),
      afterMs: below(1_200),
      director: below(DIRECTORS),
      server: below(SERVERS),
      weights: Array.from({ length: SERVERS }, () => 1 + below(9)),
    };
  });
}

/** A step as a person reads it. */
export function stepText({ operation, fault, afterMs, director, server, weights }: Step): string {
  return `${operation} (weights ${weights.join(" ")}) ${afterMs} ms after ${fault}, d${director + 1}, rs${server + 1}`;
}
