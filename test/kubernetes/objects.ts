/** Objects of the tests, and what is asked of them. */
import assert from "node:assert/strict";
import * as z from "zod";
import { manifest } from "../../kubernetes";
import { DECLARED_FOR, HEADLESS, SKIP_MIRROR } from "../../spec/kubernetes";
import type { Cluster } from "./cluster";
import { until } from "./until";

const endpoints = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()).default({}) }),
  subsets: z
    .array(
      z.object({
        addresses: z.array(z.object({ ip: z.string() })).default([]),
        notReadyAddresses: z.array(z.object({ ip: z.string() })).default([]),
      }),
    )
    .default([]),
});

const slice = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()).default({}) }),
  endpoints: z
    .array(
      z.object({
        addresses: z.array(z.string()),
        conditions: z
          .object({
            ready: z.boolean().optional(),
            serving: z.boolean().optional(),
            terminating: z.boolean().optional(),
          })
          .default({}),
      }),
    )
    .nullish(),
});

/** A Service without a selector. */
export function service(
  name: string,
  ports: readonly { name: string; port: number }[] = [{ name: "http", port: 80 }],
) {
  return { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { ports } };
}

/** Endpoints with HeYe v1's annotations, all of them ready. */
export function v1Endpoints(
  name: string,
  addresses: readonly string[],
  annotations: Readonly<Record<string, string>> = { calledSource: "test", healthCheckType: "http" },
  ports: readonly { name: string; port: number }[] = [{ name: "http", port: 80 }],
) {
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name, annotations },
    subsets: [{ addresses: addresses.map((ip) => ({ ip })), ports }],
  };
}

/** What lets the controller read one Secret: as the manifest has it. */
export function secretGrant(namespace: string, name: string) {
  return manifest({ secrets: [{ namespace, name }] }).filter(
    ({ metadata }) => metadata.namespace === namespace,
  );
}

/** Which addresses an object says are ready, and which are not, in order. */
export interface Readiness {
  readonly ready: readonly string[];
  readonly notReady: readonly string[];
}

export async function endpointsReadiness(
  cluster: Cluster,
  namespace: string,
  name: string,
): Promise<Readiness> {
  const { subsets } = await cluster.get(endpoints, namespace, "endpoints", name);
  const all = (list: "addresses" | "notReadyAddresses") =>
    subsets.flatMap((subset) => subset[list].map(({ ip }) => ip)).sort();
  return { ready: all("addresses"), notReady: all("notReadyAddresses") };
}

export async function sliceReadiness(cluster: Cluster, namespace: string, name: string): Promise<Readiness> {
  const all = (await cluster.get(slice, namespace, "endpointslice", name)).endpoints ?? [];
  const that = (ready: boolean) =>
    all
      .filter(({ conditions }) => (conditions.ready ?? true) === ready)
      .flatMap((one) => one.addresses)
      .sort();
  return { ready: that(true), notReady: that(false) };
}

export async function sliceConditions(cluster: Cluster, namespace: string, name: string) {
  const all = (await cluster.get(slice, namespace, "endpointslice", name)).endpoints ?? [];
  return Object.fromEntries(all.map(({ addresses, conditions }) => [addresses[0] ?? "", conditions]));
}

/** Names of the slices that serve in a namespace. */
export async function servingSlices(cluster: Cluster, namespace: string): Promise<string[]> {
  const label = ["-l", "kubernetes.io/service-name"];
  const said = await cluster.kubectl(["get", "endpointslices", "-n", namespace, "-o", "name", ...label]);
  return said.split("\n").flatMap((line) => line.split("/")[1] ?? []);
}

/** The name of the one slice that serves in a namespace, when it is there. */
export function onlySlice(cluster: Cluster, namespace: string): Promise<string> {
  return until("the slice is there", async () => {
    const [name, ...others] = await servingSlices(cluster, namespace);
    assert.deepEqual(others, [], "Kubernetes mirrors no declaration");
    return name;
  });
}

/** Waits until exactly these addresses of Endpoints are not ready. */
export async function untilOut(
  cluster: Cluster,
  namespace: string,
  name: string,
  out: readonly string[],
  readiness: (cluster: Cluster, namespace: string, name: string) => Promise<Readiness> = endpointsReadiness,
): Promise<void> {
  const wanted = JSON.stringify([...out].sort());
  const read = () => readiness(cluster, namespace, name);
  await until(
    `${name} has out: ${wanted}`,
    async () => JSON.stringify((await read()).notReady) === wanted,
    read,
  );
}

/** What the controller says of an object. */
export async function statusOf(
  cluster: Cluster,
  namespace: string,
  kind: "endpoints" | "endpointslice",
  name: string,
) {
  const { metadata } = await cluster.get(
    z.object({ metadata: endpoints.shape.metadata }),
    namespace,
    kind,
    name,
  );
  const text = metadata.annotations["heye.io/status"];
  const status = z.object({
    out: z.record(z.string(), z.string()).optional(),
    problems: z.array(z.string()).optional(),
  });
  return text === undefined ? undefined : status.parse(JSON.parse(text));
}

/** A slice that the controller looks after, of the port `http`; every address is ready. */
export function managedSlice(name: string, serviceName: string, addresses: readonly string[]) {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name,
      labels: {
        "kubernetes.io/service-name": serviceName,
        "endpointslice.kubernetes.io/managed-by": "heye.io",
      },
      annotations: { "heye.io/health-check": '{"type":"http","intervalMs":200,"timeoutMs":5000}' },
    },
    addressType: "IPv4",
    endpoints: addresses.map((address) => ({ addresses: [address] })),
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
  };
}

const DECLARATION = {
  [HEADLESS]: "",
  [SKIP_MIRROR]: "true",
};

/** A declaration of servers as a slice, as the components for Pulumi programs make it. */
export function declaredSlice(name: string, addresses: readonly string[]) {
  const slice = managedSlice(name, name, addresses);
  return { ...slice, metadata: { ...slice.metadata, labels: { ...DECLARATION, [DECLARED_FOR]: name } } };
}

/** The same as Endpoints. */
export function declaredEndpoints(name: string, addresses: readonly string[]) {
  const { annotations } = managedSlice(name, name, addresses).metadata;
  const endpoints = v1Endpoints(name, addresses, annotations);
  return {
    ...endpoints,
    metadata: { ...endpoints.metadata, labels: { ...DECLARATION, [DECLARED_FOR]: name } },
  };
}
