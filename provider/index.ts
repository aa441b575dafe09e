/**
 * Resource handlers: check, diff, create, read, update and delete on plain data, the gate, and changes over all
 * directors with their undoing. Pulumi's process loads this through the constant text that each resource carries
 * (sdk/stub.ts), so that no code of ours ever lies in a state file.
 */
import type * as dynamic from "@pulumi/pulumi/dynamic";
import { adapt } from "./adapter";
import { clusterHandler } from "./cluster";
import { Fleet } from "./fleet";
import { withOpenHandle } from "./handle";
import type { ResourceHandler } from "./handler";
import { endWithEngine } from "./orphan";
import { realServerHandler } from "./real-server";
import { virtualServerHandler } from "./virtual-server";

export { Fleet } from "./fleet";
export { UNKNOWN } from "./unknown";

const HANDLERS = {
  Cluster: clusterHandler,
  VirtualServer: (over) => withOpenHandle(virtualServerHandler(over)),
  RealServer: (over) => withOpenHandle(realServerHandler(over)),
} satisfies Record<string, (fleet: Fleet) => ResourceHandler>;

/** The kinds of resources there are. */
export type ResourceKind = keyof typeof HANDLERS;

/**
 * A refresh of a large stack asks for one resource after the other, a few at a time. What it tells is what a director held
 * while it ran: a look at a director serves all resources that are asked for in the next moments, unless something was
 * changed there meanwhile.
 */
const LOOKS_LAST_MS = 2_000;

/** A director that is dead costs an operation a quarter more than one series of dials at most, however many resources it has. */
const DEAD_FACTOR = 4;

const fleet = new Fleet(LOOKS_LAST_MS, DEAD_FACTOR);

/** The handler of one kind of resource, on data alone. */
export function handlerFor(kind: ResourceKind, over: Fleet = fleet): ResourceHandler {
  return HANDLERS[kind](over);
}

/** The dynamic provider of one kind of resource; all kinds in a process share their sessions to the directors. */
export function provider(kind: ResourceKind): dynamic.ResourceProvider {
  endWithEngine();
  return adapt(handlerFor(kind));
}
