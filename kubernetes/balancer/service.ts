import type * as z from "zod";
import { canonicalAddress, type Family } from "../../spec";
import {
  ADDRESSES,
  CLAIMS,
  EXCLUDED_NODE,
  LOAD_BALANCER_CLASS,
  LOAD_BALANCER_FINALIZER,
  POOL,
  SERVICE_NAME,
} from "../../spec/kubernetes";
import type { Annotations } from "../annotations";
import { type SubjectService, serviceOf } from "../subject";
import { type Claims, readClaims } from "./claims";
import type { BalancedServiceObject, nodeObject, servingSliceObject } from "./objects";

/** A port of a Service. */
export interface ServicePort {
  /** Empty: it has none. */
  readonly name: string;
  /** In lower case: `tcp`. */
  readonly protocol: string;
  readonly port: number;
  /** undefined: it has none. */
  readonly nodePort: number | undefined;
}

/** A Service that directors serve, or still have something of. Never changed once it is made. */
export interface BalancedService {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** As Kubernetes writes times: in order as text. */
  readonly createdAt: string;
  readonly annotations: Annotations;
  /** Whether it is to be served: its type and class say so, and it is not being deleted. */
  readonly isServed: boolean;
  readonly finalizers: readonly string[];
  readonly families: readonly Family[];
  /** Addresses that it asks for, in canonical form or as somebody has misspelt them. */
  readonly asked: readonly string[];
  /** The pool that it asks for. */
  readonly pool: string | undefined;
  readonly ports: readonly ServicePort[];
  /** Whether only nodes that have one of its ready endpoints take its packets. */
  readonly isLocal: boolean;
  /** How long a client keeps its server, in seconds; undefined: it does not. */
  readonly affinityS: number | undefined;
  readonly hasSourceRanges: boolean;
  /** What its status tells. */
  readonly told: readonly string[];
  readonly claims: Claims;
}

/** What is kept of a Service, of any kind. */
export interface KeptService extends SubjectService {
  /** undefined: directors have nothing to do with it. */
  readonly balanced: BalancedService | undefined;
}

/** Where a node is reached. */
export interface BalancedNode {
  readonly name: string;
  /** In canonical form. */
  readonly addresses: readonly string[];
}

/** A slice of a Service's servers. */
export interface ServingSlice {
  /** `NAMESPACE/NAME`. */
  readonly service: string;
  readonly family: Family;
  /** Those that are ready. */
  readonly endpoints: readonly { readonly address: string; readonly node: string | undefined }[];
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
}

/** Kubernetes' default for `sessionAffinityConfig.clientIP.timeoutSeconds`. */
const AFFINITY_S = 10_800;

/** What a Service says; undefined: it does not concern directors. */
export function balancedServiceOf({
  metadata,
  spec,
  status,
}: BalancedServiceObject): BalancedService | undefined {
  const { namespace, name, uid, resourceVersion } = metadata;
  const annotations = metadata.annotations ?? {};
  const finalizers = metadata.finalizers ?? [];
  const isServed =
    spec.type === "LoadBalancer" &&
    spec.loadBalancerClass === LOAD_BALANCER_CLASS &&
    metadata.deletionTimestamp == null;
  if (!isServed && !finalizers.includes(LOAD_BALANCER_FINALIZER)) return undefined;
  const asked = (annotations[ADDRESSES] ?? spec.loadBalancerIP ?? "").split(",").map((one) => one.trim());
  const affinityS = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? AFFINITY_S;
  return {
    ...{ namespace, name, uid, resourceVersion, annotations, finalizers, isServed },
    createdAt: metadata.creationTimestamp ?? "",
    families: (spec.ipFamilies ?? ["IPv4"]).map((one) => (one === "IPv6" ? "ipv6" : "ipv4")),
    asked: asked.filter((one) => one !== "").map((one) => canonicalAddress(one) ?? one),
    pool: annotations[POOL],
    ports: (spec.ports ?? []).map((one) => ({
      name: one.name ?? "",
      protocol: (one.protocol ?? "TCP").toLowerCase(),
      port: one.port,
      nodePort: one.nodePort || undefined,
    })),
    isLocal: spec.externalTrafficPolicy === "Local",
    affinityS: spec.sessionAffinity === "ClientIP" ? affinityS : undefined,
    hasSourceRanges: (spec.loadBalancerSourceRanges ?? []).length > 0,
    told: (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? [canonicalAddress(ip) ?? ip] : [])),
    claims: readClaims(annotations[CLAIMS]),
  };
}

/** What a Service says of its servers, and to directors. */
export function keptServiceOf(object: BalancedServiceObject): KeptService {
  return { ...serviceOf(object), balanced: balancedServiceOf(object) };
}

/** What a node says; undefined: it is not to get traffic from load balancers. */
export function balancedNodeOf({ metadata, status }: z.output<typeof nodeObject>): BalancedNode | undefined {
  if (metadata.labels?.[EXCLUDED_NODE] !== undefined) return undefined;
  const internal = (status?.addresses ?? []).filter(({ type }) => type === "InternalIP");
  return {
    name: metadata.name,
    addresses: internal.flatMap(({ address }) => canonicalAddress(address) ?? []),
  };
}

/** What a slice says; undefined: it is of no Service, or names are its addresses. */
export function servingSliceOf(object: z.output<typeof servingSliceObject>): ServingSlice | undefined {
  const { metadata, addressType, endpoints, ports } = object;
  const service = metadata.labels?.[SERVICE_NAME];
  if (service === undefined || addressType === "FQDN") return undefined;
  return {
    service: `${metadata.namespace}/${service}`,
    family: addressType === "IPv6" ? "ipv6" : "ipv4",
    endpoints: (endpoints ?? []).flatMap(({ addresses, nodeName, conditions }) => {
      const address = canonicalAddress(addresses[0] ?? "");
      const isReady = conditions?.ready ?? true;
      return isReady && address !== undefined ? [{ address, node: nodeName ?? undefined }] : [];
    }),
    ports: (ports ?? []).flatMap(({ name, port, protocol }) =>
      typeof port === "number"
        ? [{ name: name ?? "", port, protocol: (protocol ?? "TCP").toLowerCase() }]
        : [],
    ),
  };
}
