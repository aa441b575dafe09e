import { familyOf } from "../spec";
import { DECLARED_FOR } from "../spec/kubernetes";
import type { Annotations } from "./annotations";
import { ANNOTATION } from "./names";
import type { EndpointSliceObject, EndpointsObject } from "./objects";

/** A server as a declaration has it: all that stands there, but for its conditions. */
export interface DeclaredEndpoint {
  readonly addresses: readonly string[];
  readonly [field: string]: unknown;
}

/** A slice that is to be, as far as its declaration says. */
export interface DeclaredSlice {
  readonly name: string;
  readonly addressType: string;
  readonly ports: readonly object[];
  readonly endpoints: readonly DeclaredEndpoint[];
  /** Places in `endpoints` of servers that leave. */
  readonly leaving: ReadonlySet<number>;
}

/**
 * An object that declares servers for a Service, by the label `heye.io/service-name`: written by its owner alone, and read by
 * no one but us. What follows from it are slices of our own. Never changed once it is made.
 */
export interface Declared {
  readonly apiVersion: string;
  readonly kind: "Endpoints" | "EndpointSlice";
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly service: string;
  /** Those that say what is asked. */
  readonly annotations: Annotations;
  readonly slices: readonly DeclaredSlice[];
}

/** Endpoints that are a declaration; undefined: they are none. A subset makes a slice for each family that it has. */
export function declaredByEndpoints({ metadata, subsets }: EndpointsObject): Declared | undefined {
  const service = metadata.labels?.[DECLARED_FOR];
  if (service === undefined) return undefined;
  const slices = (subsets ?? []).flatMap(({ addresses, notReadyAddresses, ports }, index) =>
    (["ipv4", "ipv6"] as const).flatMap((family): DeclaredSlice[] => {
      const all = [...(addresses ?? []), ...(notReadyAddresses ?? [])];
      const endpoints = all
        .filter(({ ip }) => familyOf(ip) === family)
        .map(({ ip, ...rest }) => ({ addresses: [ip], ...rest }));
      if (endpoints.length === 0) return [];
      return [
        {
          name: sliceName(metadata.name, `endpoints-${index}-${family}`),
          addressType: family === "ipv4" ? "IPv4" : "IPv6",
          ports: (ports ?? []).map(withDefaults),
          endpoints,
          leaving: new Set(),
        },
      ];
    }),
  );
  return { apiVersion: "v1", kind: "Endpoints", ...about(metadata), service, slices };
}

/** A slice that is a declaration; undefined: it is none. */
export function declaredBySlice(object: EndpointSliceObject): Declared | undefined {
  const { metadata, addressType, endpoints, ports } = object;
  const service = metadata.labels?.[DECLARED_FOR];
  if (service === undefined) return undefined;
  const all = endpoints ?? [];
  const slice = {
    name: sliceName(metadata.name, addressType.toLowerCase()),
    addressType,
    ports: (ports ?? []).map(withDefaults),
    endpoints: all.map(({ conditions: _, ...rest }) => rest),
    leaving: new Set(all.flatMap(({ conditions }, index) => (conditions?.terminating ? [index] : []))),
  };
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    ...about(metadata),
    service,
    slices: [slice],
  };
}

function about({ namespace, name, uid, annotations }: EndpointsObject["metadata"]) {
  return { namespace, name, uid, annotations: checkAnnotations(annotations ?? {}) };
}

/** Those of an object's annotations that say what is asked of its servers. */
export function checkAnnotations(annotations: Annotations): Annotations {
  const ours: readonly string[] = [
    ANNOTATION.check,
    ANNOTATION.secret,
    ANNOTATION.v1Source,
    ANNOTATION.v1Type,
  ];
  return Object.fromEntries(
    Object.entries(annotations).filter(
      ([name]) => ours.includes(name) || name.startsWith(ANNOTATION.property),
    ),
  );
}

/** What an API server fills in. */
function withDefaults(port: {
  readonly name?: string | null | undefined;
  readonly protocol?: string | null | undefined;
}) {
  return { ...port, name: port.name ?? "", protocol: port.protocol ?? "TCP" };
}

/** Names of objects have 253 characters at most. */
function sliceName(name: string, part: string): string {
  return `${name.slice(0, 220)}-heye-${part}`;
}
