import { createHash } from "node:crypto";
import { isRecord, type Problem, unseal } from "../spec";
import { HandleError } from "./errors";
import type { ClusterHandle } from "./fleet";
import { InitialisationError, type Observed, type Properties, type ResourceHandler } from "./handler";
import { isUnknown, UNKNOWN } from "./unknown";

/** Handles by their sealed text: all resources of a cluster share one, so that their directors are looked up once. */
const handles = new Map<string, ClusterHandle>();
/** Sealed texts by what stands for them among the inputs. */
const sealed = new Map<string, string>();

/** No sealed text begins so. */
const REFERENCE = "handle:";

/**
 * A handler of resources on a cluster, for the engine: there the cluster's handle is one sealed text, here it is what it
 * says. States of old have it open; they are taken as they are.
 *
 * A state holds a resource's inputs next to its outputs, and the engine writes all of it after each step. The handle is by
 * far the largest of them, and only outputs are told to a delete. So among the inputs stands a reference in its place: the
 * check that makes it and whatever is done with it happen in one process. One that another process made stands there
 * where the user has the property ignored; it is known by the handle in the state.
 */
export function withOpenHandle(handler: ResourceHandler): ResourceHandler {
  return {
    check(inputs) {
      const isForeign = isReference(inputs.cluster) && !sealed.has(inputs.cluster);
      const checked = handler.check(isForeign ? { ...inputs, cluster: UNKNOWN } : open(inputs));
      return { ...checked, inputs: referring(checked.inputs, inputs) };
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
      return { inputs: referring(observed.inputs, state), outputs: closed(observed.outputs, state) };
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
  const cluster = sealedOf(properties);
  if (typeof cluster !== "string" || isUnknown(cluster)) return properties;
  const known = handles.get(cluster) ?? readHandle(cluster);
  if (known && !handles.has(cluster)) {
    handles.set(cluster, known);
    sealed.set(referenceTo(cluster), cluster);
  }
  return { ...properties, cluster: known };
}

/** What stands for the handle, the sealed text where that is a reference to one. */
function sealedOf({ cluster }: Properties): unknown {
  return isReference(cluster) ? (sealed.get(cluster) ?? cluster) : cluster;
}

function isReference(cluster: unknown): cluster is string {
  return typeof cluster === "string" && cluster.startsWith(REFERENCE);
}

function referenceTo(text: string): string {
  return `${REFERENCE}${createHash("sha256").update(text).digest("base64url")}`;
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

/** With the handle as it came, sealed. */
function closed(properties: Properties, source: Properties): Properties {
  return source.cluster === undefined ? properties : { ...properties, cluster: sealedOf(source) };
}

/** With a reference to the handle, where it came sealed and says something. */
function referring(properties: Properties, source: Properties): Properties {
  const { cluster } = source;
  if (isReference(cluster)) return { ...properties, cluster };
  const isSealed = typeof cluster === "string" && handles.has(cluster);
  return isSealed ? { ...properties, cluster: referenceTo(cluster) } : closed(properties, source);
}
