import { DECLARED_FOR, MANAGED_BY, MANAGER, SERVICE_NAME } from "../spec/kubernetes";
import { type Annotations, isAnnotated } from "./annotations";
import type { EndpointSliceObject, EndpointsObject, ServiceObject } from "./objects";

/** A port under which the servers of a group are reached. */
export interface GroupPort {
  /** Empty: it has none. */
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
}

/** A server in a group. */
export interface Backend {
  readonly address: string;
  /** What the object says: whether it is to be sent connections. */
  readonly ready: boolean;
}

/** Servers that are reached under the same ports: a subset of Endpoints, or a whole slice. */
export interface Group {
  readonly ports: readonly GroupPort[];
  readonly backends: readonly Backend[];
}

/** An object whose servers are checked: Endpoints or an EndpointSlice, whichever it is. Never changed once it is made. */
export interface Subject {
  readonly kind: "Endpoints" | "EndpointSlice";
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly annotations: Annotations;
  /** The name of its Service, in the same namespace; undefined: it names none. */
  readonly service: string | undefined;
  readonly groups: readonly Group[];
  /** What keeps its addresses from being asked at all; undefined: nothing. */
  readonly obstacle?: string;
  /** Whom it is to be told of in place of the object itself: the declaration that it was made of. */
  readonly about?: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
  };
  /** The object itself, for what is written back. */
  readonly object: EndpointsObject | EndpointSliceObject;
}

/** A Service as a {@link Subject} needs it. */
export interface SubjectService {
  readonly hasSelector: boolean;
  /** Names of its ports; empty: that port has none. */
  readonly ports: readonly string[];
}

/** `NAMESPACE/NAME`. */
export function nameOf(place: { readonly namespace: string; readonly name: string }): string {
  return `${place.namespace}/${place.name}`;
}

/** One name for each object of either kind. */
export function subjectKey(subject: Pick<Subject, "kind" | "namespace" | "name">): string {
  return `${subject.kind} ${nameOf(subject)}`;
}

/** What a Service says; a selector without labels is none. */
export function serviceOf({ spec }: ServiceObject): SubjectService {
  return {
    hasSelector: Object.keys(spec.selector ?? {}).length > 0,
    ports: (spec.ports ?? []).map(({ name }) => name ?? ""),
  };
}

/** Endpoints that ask to be looked after; undefined: they do not, or are a declaration. */
export function subjectOfEndpoints(object: EndpointsObject): Subject | undefined {
  const { metadata, subsets } = object;
  if (metadata.labels?.[DECLARED_FOR] !== undefined || !isAnnotated(metadata.annotations ?? {}))
    return undefined;
  const groups = (subsets ?? []).map(({ addresses, notReadyAddresses, ports }): Group => {
    const backend =
      (ready: boolean) =>
      ({ ip }: { readonly ip: string }) => ({ address: ip, ready });
    return {
      ports: (ports ?? []).flatMap(groupPort),
      backends: [...(addresses ?? []).map(backend(true)), ...(notReadyAddresses ?? []).map(backend(false))],
    };
  });
  return { kind: "Endpoints", ...place(object), service: metadata.name, groups, object };
}

/**
 * An EndpointSlice that asks to be looked after and has the label that makes it ours, or that we have made; undefined:
 * neither. Slices that Kubernetes mirrors from Endpoints carry their annotations, and stay the mirror's.
 */
export function subjectOfSlice(object: EndpointSliceObject): Subject | undefined {
  const { metadata, addressType, endpoints, ports } = object;
  if (metadata.labels?.[MANAGED_BY] !== MANAGER) return undefined;
  const about = metadata.ownerReferences?.find(
    ({ kind }) => kind === "Endpoints" || kind === "EndpointSlice",
  );
  if (about === undefined && !isAnnotated(metadata.annotations ?? {})) return undefined;
  const backends = (endpoints ?? []).map(({ addresses: [address = ""], conditions }) => ({
    address,
    ready: isWell(conditions ?? {}),
  }));
  return {
    kind: "EndpointSlice",
    ...place(object),
    service: metadata.labels[SERVICE_NAME],
    groups: [{ ports: (ports ?? []).flatMap(groupPort), backends }],
    ...(about && { about }),
    ...(addressType === "FQDN" && {
      obstacle: "addressType: expected IPv4 or IPv6, found FQDN: names are not looked up",
    }),
    object,
  };
}

/** What a slice says of a server's health. One that is leaving is never ready; what is left to say of it is `serving`. */
export function isWell({ ready, serving, terminating }: Conditions): boolean {
  return (terminating ? (serving ?? ready) : ready) ?? true;
}

/** The conditions of one endpoint of a slice; those that are absent count as those of a server that works. */
export interface Conditions {
  readonly ready?: boolean | null | undefined;
  readonly serving?: boolean | null | undefined;
  readonly terminating?: boolean | null | undefined;
}

function place({ metadata }: EndpointsObject | EndpointSliceObject) {
  const { namespace, name, uid, resourceVersion, annotations } = metadata;
  return { namespace, name, uid, resourceVersion, annotations: annotations ?? {} };
}

function groupPort(port: {
  readonly name?: string | null | undefined;
  readonly port?: number | null | undefined;
  readonly protocol?: string | null | undefined;
}): GroupPort[] {
  if (typeof port.port !== "number") return [];
  return [{ name: port.name ?? "", port: port.port, protocol: port.protocol ?? "TCP" }];
}
