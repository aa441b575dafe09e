/** Objects as an API server gives them, for functions of plain data. */
import * as assert from "node:assert/strict";
import { type Subject, subjectOfEndpoints, subjectOfSlice } from "../../kubernetes";
import { endpointSliceObject, endpointsObject } from "../../kubernetes/objects";

const metadata = (annotations: Record<string, string>) => ({
  name: "web",
  namespace: "shop",
  uid: "u",
  resourceVersion: "7",
  annotations: { "heye.io/health-check": '{"type":"tcp"}', ...annotations },
});

/** Endpoints with one subset of the port `http`. */
export function endpointsOf(
  ready: readonly string[],
  notReady: readonly string[] = [],
  annotations: Record<string, string> = {},
): Subject {
  const places = (ips: readonly string[]) => ips.map((ip) => ({ ip, nodeName: `node-of-${ip}` }));
  const subsets = [
    {
      addresses: places(ready),
      notReadyAddresses: places(notReady),
      ports: [{ name: "http", port: 80, appProtocol: "h2c" }],
    },
  ];
  const subject = subjectOfEndpoints(endpointsObject.parse({ metadata: metadata(annotations), subsets }));
  assert.ok(subject);
  return subject;
}

/** A slice of the port `http`, with our label. */
export function sliceOf(conditions: Readonly<Record<string, object | undefined>>): Subject {
  const labels = { "kubernetes.io/service-name": "web", "endpointslice.kubernetes.io/managed-by": "heye.io" };
  const subject = subjectOfSlice(
    endpointSliceObject.parse({
      metadata: { ...metadata({}), labels },
      addressType: "IPv4",
      ports: [{ name: "http", port: 80, protocol: "TCP" }],
      endpoints: Object.entries(conditions).map(([address, some]) => ({
        addresses: [address],
        conditions: some,
        zone: "z",
      })),
    }),
  );
  assert.ok(subject);
  return subject;
}
