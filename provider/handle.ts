import { isRecord, type Problem, unseal } from "../spec";
import { HandleError } from "./errors";
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
    diff(state, inputs) {
      const [before, after] = [open(state), open(inputs)];
      if (isUsable(before)) return handler.diff(before, after);
      return { ...handler.diff({ ...before, cluster: after.cluster }, after), changes: true };
    },
    async create(inputs) {
      const { id, outputs } = await handler.create(open(inputs)).catch(closing(inputs));
      return { id, outputs: closed(outputs, inputs) };
    },
    async read(id, state): Promise<Observed | undefined> {
      const observed = await handler.read(id, whole(state));
      if (!observed) return undefined;
      return { inputs: closed(observed.inputs, state), outputs: closed(observed.outputs, state) };
    },
    async update(id, state, inputs) {
      const [before, after] = [open(state), whole(inputs)];
      const known = isUsable(before) ? before : { ...before, cluster: after.cluster };
      const source = isUsable(before) ? state : inputs;
      return closed(await handler.update(id, known, after).catch(closing(source)), inputs);
    },
    delete: async (id, state) => handler.delete(id, whole(state)),
  };
}

function open(properties: Properties): Properties {
  const { cluster } = properties;
  if (typeof cluster !== "string" || isUnknown(cluster)) return properties;
  const known = handles.get(cluster) ?? readHandle(cluster);
  if (known) handles.set(cluster, known);
  return { ...properties, cluster: known };
}

/** With the handle open. Throws HandleError where it cannot be. */
function whole(properties: Properties): Properties {
  const opened = open(properties);
  if (!isUsable(opened)) throw new HandleError(String(properties.name));
  return opened;
}

function isUsable({ cluster }: Properties): boolean {
  return handleProblems(cluster).length === 0;
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

/** Throws what was thrown; what it says of the resource goes out as closed as everything else. */
function closing(source: Properties): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof InitialisationError)) throw error;
    throw new InitialisationError(error.id, closed(error.outputs, source), error.cause);
  };
}

/** With the handle as it came. */
function closed(properties: Properties, source: Properties): Properties {
  return source.cluster === undefined ? properties : { ...properties, cluster: source.cluster };
}
