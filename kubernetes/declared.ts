import { createHash } from "node:crypto";
import { familyOf } from "../spec";
import { DECLARED_FOR, SERVICE_NAME, SKIP_MIRROR } from "../spec/kubernetes";
import type { Annotations } from "./annotations";
import { canonical } from "./canonical";
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
  /** Why Kubernetes does with it what nobody wants; sentences. */
  readonly problems: readonly string[];
}

/**
 * Endpoints that are a declaration; undefined: they are none. Servers of one family that are reached under the same ports make
 * a slice. Its name follows from these, which a slice cannot change or must not: no edit moves a server to another slice.
 */
export function declaredByEndpoints({ metadata, subsets }: EndpointsObject): Declared | undefined {
  const service = metadata.labels?.[DECLARED_FOR];
  if (service === undefined) return undefined;
  const slices = new Map<string, DeclaredSlice & { readonly endpoints: DeclaredEndpoint[] }>();
  for (const { addresses, notReadyAddresses, ports } of subsets ?? []) {
    const reached = (ports ?? []).map(withDefaults);
    for (const { ip, ...rest } of [...(addresses ?? []), ...(notReadyAddresses ?? [])]) {
      const addressType = familyOf(ip) === "ipv4" ? "IPv4" : "IPv6";
      const name = sliceName(metadata.name, ["Endpoints", addressType, reached]);
      const slice = slices.get(name) ?? {
        name,
        addressType,
        ports: reached,
        endpoints: [],
        leaving: new Set(),
      };
      slice.endpoints.push({ addresses: [ip], ...rest });
      slices.set(name, slice);
    }
  }
  return {
    ...{ apiVersion: "v1", kind: "Endpoints", ...about(metadata) },
    ...{ service, slices: [...slices.values()], problems: endpointsProblems(metadata, service) },
  };
}

/** A slice that is a declaration; undefined: it is none. */
export function declaredBySlice(object: EndpointSliceObject): Declared | undefined {
  const { metadata, addressType, endpoints, ports } = object;
  const service = metadata.labels?.[DECLARED_FOR];
  if (service === undefined) return undefined;
  const all = endpoints ?? [];
  const slice = {
    name: sliceName(metadata.name, ["EndpointSlice", addressType]),
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
    problems: sliceProblems(metadata),
  };
}

/** Its addresses would serve as they stand, whether they are well or not. */
const UNCHECKED = "so Kubernetes sends traffic to all of its servers, those that are down too";

/** Kubernetes takes Endpoints for those of the Service that has their name. */
function endpointsProblems({ name, labels }: Metadata, service: string): string[] {
  if (name !== service)
    return [
      `Endpoints ${name}: expected the name of the Service, ${service}: Kubernetes deletes Endpoints whose name no Service has when its controller manager starts`,
    ];
  return labels?.[SKIP_MIRROR] === "true"
    ? []
    : [`Endpoints ${name}: expected the label ${SKIP_MIRROR}: "true", found none, ${UNCHECKED}`];
}

function sliceProblems({ name, labels }: Metadata): string[] {
  return labels?.[SERVICE_NAME] === undefined
    ? []
    : [
        `EndpointSlice ${name}: expected no label ${SERVICE_NAME} beside ${DECLARED_FOR}, found one, ${UNCHECKED}`,
      ];
}

type Metadata = EndpointsObject["metadata"];

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

/** `web-` and eight letters: names of objects have 253 characters at most, and declarations of both kinds may have one name. */
function sliceName(name: string, whatStays: readonly unknown[]): string {
  const digest = createHash("sha256").update(canonical(whatStays)).digest();
  const letters = [...digest.subarray(0, 8)].map((byte) => String.fromCharCode(0x61 + (byte % 26))).join("");
  return `${name.slice(0, 240)}-${letters}`;
}
