import { MANAGED_BY, MANAGER, SERVICE_NAME } from "../spec/kubernetes";
import { declarationOf, isAnnotated } from "./annotations";
import { canonical } from "./canonical";
import { checkAnnotations, type Declared, type DeclaredEndpoint, type DeclaredSlice } from "./declared";
import type { EndpointSliceObject } from "./objects";
import { isWell } from "./subject";

/** A write that brings a slice of ours to what its declaration says. */
export type MirrorStep =
  | {
      readonly kind: "create";
      readonly body: object;
      /** Those of the body: what makes it ours, and serve its Service. */
      readonly labels: Readonly<Record<string, string>>;
    }
  | { readonly kind: "patch"; readonly patch: object }
  | {
      readonly kind: "delete";
      readonly preconditions: { readonly uid: string; readonly resourceVersion: string };
    };

/**
 * What is to be done about a slice of ours; undefined: nothing. Servers that it has keep their conditions, those that are
 * new begin as not ready: they come in when their check has succeeded, at once where there is none. Readiness is decided
 * elsewhere (plan.ts).
 *
 * @param declared whose slice it is; undefined: its owner is there, and does not declare it (any more)
 * @param leaving slices of the same declaration that it does not declare any more: servers that were in one of them are not new
 */
export function mirrorStep(
  declared: { readonly by: Declared; readonly slice: DeclaredSlice } | undefined,
  existing: EndpointSliceObject | undefined,
  leaving: readonly EndpointSliceObject[] = [],
): MirrorStep | undefined {
  if (declared === undefined) {
    if (existing === undefined || existing.metadata.deletionTimestamp) return undefined;
    const { uid, resourceVersion } = existing.metadata;
    return { kind: "delete", preconditions: { uid, resourceVersion } };
  }
  const { by, slice } = declared;
  const wanted = {
    labels: { [SERVICE_NAME]: by.service, [MANAGED_BY]: MANAGER },
    ownerReferences: [{ apiVersion: by.apiVersion, kind: by.kind, name: by.name, uid: by.uid }],
    ports: slice.ports,
    endpoints: endpointsOf(by, slice, existing === undefined ? leaving : [existing]),
  };
  if (existing === undefined)
    return { kind: "create", body: bodyOf(by, slice, wanted), labels: wanted.labels };
  if (existing.metadata.deletionTimestamp) return undefined;
  return patchOf(by, wanted, existing);
}

interface Wanted {
  readonly labels: Readonly<Record<string, string>>;
  readonly ownerReferences: readonly object[];
  readonly ports: readonly object[];
  readonly endpoints: readonly object[];
}

function bodyOf(
  by: Declared,
  slice: DeclaredSlice,
  { labels, ownerReferences, ports, endpoints }: Wanted,
): object {
  const { namespace, annotations } = by;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: slice.name, namespace, labels, annotations, ownerReferences },
    addressType: slice.addressType,
    ports,
    endpoints,
  };
}

function patchOf(by: Declared, wanted: Wanted, existing: EndpointSliceObject): MirrorStep | undefined {
  const { metadata, ports, endpoints } = existing;
  const had = checkAnnotations(metadata.annotations ?? {});
  const annotations = {
    ...Object.fromEntries(Object.keys(had).map((name) => [name, null])),
    ...by.annotations,
  };
  const hasLabels = Object.entries(wanted.labels).every(([name, value]) => metadata.labels?.[name] === value);
  const hasOwner = (metadata.ownerReferences ?? []).some(({ uid }) => uid === by.uid);
  const differing = {
    ...(!hasLabels && { labels: wanted.labels }),
    ...(!isSame(had, by.annotations) && { annotations }),
    ...(!hasOwner && { ownerReferences: wanted.ownerReferences }),
  };
  const content = {
    ...(!isSame(ports ?? [], wanted.ports) && { ports: wanted.ports }),
    ...(!isSame(endpoints ?? [], wanted.endpoints) && { endpoints: wanted.endpoints }),
  };
  if (Object.keys({ ...differing, ...content }).length === 0) return undefined;
  const { resourceVersion } = metadata;
  return { kind: "patch", patch: { metadata: { resourceVersion, ...differing }, ...content } };
}

function endpointsOf(
  by: Declared,
  { endpoints, leaving }: DeclaredSlice,
  before: readonly EndpointSliceObject[],
): object[] {
  const known = new Map<string | undefined, boolean>();
  for (const { addresses, conditions } of before.flatMap((one) => one.endpoints ?? []))
    known.set(addresses[0], (known.get(addresses[0]) ?? true) && isWell(conditions ?? {}));
  const unchecked = isUnchecked(by);
  return endpoints.map((endpoint: DeclaredEndpoint, index) => {
    const terminating = leaving.has(index);
    const serving = unchecked || known.get(endpoint.addresses[0]) === true;
    return { ...endpoint, conditions: { ready: serving && !terminating, serving, terminating } };
  });
}

/** Whether nothing is asked of these servers: they come in at once. Where something is wrong, nobody comes in. */
function isUnchecked({ annotations }: Declared): boolean {
  if (!isAnnotated(annotations)) return true;
  const { check, problems } = declarationOf(annotations, {});
  return check === undefined && problems.length === 0;
}

function isSame(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}
