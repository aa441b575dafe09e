import type { Api } from "./api";
import { ApiError } from "./api-errors";
import { type Declared, declaredByEndpoints, declaredBySlice } from "./declared";
import { endpointSliceObject, endpointsObject } from "./objects";

/** The object that a slice of ours is made of, and goes with. */
export interface Owner {
  readonly kind: "Endpoints" | "EndpointSlice";
  readonly namespace: string;
  readonly name: string;
}

/** What an owner that is there says. */
export interface OwnerSays {
  /** undefined: it is no declaration (any more). */
  readonly declared: Declared | undefined;
}

/**
 * Reads an owner as it is now. A copy that a watch keeps is as old as that watch is late, and slices come by another one.
 *
 * @returns undefined: there is no such object
 * @throws ApiError when it is not known: the server is away, or refuses
 */
export async function readOwner(api: Pick<Api, "request">, owner: Owner): Promise<OwnerSays | undefined> {
  const isEndpoints = owner.kind === "Endpoints";
  const [namespace, name] = [owner.namespace, owner.name].map(encodeURIComponent);
  const path = isEndpoints
    ? `/api/v1/namespaces/${namespace}/endpoints/${name}`
    : `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices/${name}`;
  try {
    const object = await api.request({ method: "GET", path });
    const declared = isEndpoints
      ? declaredByEndpoints(endpointsObject.parse(object))
      : declaredBySlice(endpointSliceObject.parse(object));
    return { declared };
  } catch (error) {
    if (error instanceof ApiError && error.isMissing) return undefined;
    throw error;
  }
}
