import { isRecord, type Problem, unseal } from "../spec";
import type { ClusterHandle } from "./fleet";
import { InitialisationError, type Observed, type Properties, type ResourceHandler } from "./handler";
import { isUnknown } from "./unknown";

/** Handles by their sealed text: all resources of a cluster share one, so that their directors are looked up once. */
const handles = new Map<string, ClusterHandle>();

/**
 * A handler of resources on a cluster, for the engine: there the cluster's handle is one sealed text, here it is what it
 * says. States of old have it open; they are taken as they are.
 */
export function withOpenHandle(handler: ResourceHandler): ResourceHandler {
  return {
    check(inputs) {
      const checked = handler.check(open(inputs));
      return { ...checked, inputs: closed(checked.inputs, inputs) };
    },
    diff: (state, inputs) => handler.diff(open(state), open(inputs)),
    async create(inputs) {
      try {
        const { id, outputs } = await handler.create(open(inputs));
        return { id, outputs: closed(outputs, inputs) };
      } catch (error) {
        if (!(error instanceof InitialisationError)) throw error;
        throw new InitialisationError(error.id, closed(error.outputs, inputs), error.cause);
      }
    },
    async read(id, state): Promise<Observed | undefined> {
      const observed = await handler.read(id, open(state));
      if (!observed) return undefined;
      return { inputs: closed(observed.inputs, state), outputs: closed(observed.outputs, state) };
    },
    async update(id, state, inputs) {
      return closed(await handler.update(id, open(state), open(inputs)), inputs);
    },
    delete: (id, state) => handler.delete(id, open(state)),
  };
}

function open(properties: Properties): Properties {
  const { cluster } = properties;
  if (typeof cluster !== "string" || isUnknown(cluster)) return properties;
  const known = handles.get(cluster) ?? readHandle(cluster);
  if (known) handles.set(cluster, known);
  return { ...properties, cluster: known };
}

/** undefined: the text is no handle. */
function readHandle(text: string): ClusterHandle | undefined {
  try {
    const value = unseal(text);
    return isHandle(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isHandle(value: unknown): value is ClusterHandle {
  return isRecord(value) && typeof value.id === "string" && Array.isArray(value.directors);
}

/** What is wrong with what stands in place of a cluster's handle. It is secret, so nothing of it is told. */
export function handleProblems(cluster: unknown): Problem[] {
  if (isUnknown(cluster) || isHandle(cluster)) return [];
  const found = cluster === undefined ? "nothing" : "something else";
  return [{ path: ["cluster"], reason: `expected a Cluster, found ${found}` }];
}

/** With the handle as it came. */
function closed(properties: Properties, source: Properties): Properties {
  return source.cluster === undefined ? properties : { ...properties, cluster: source.cluster };
}
