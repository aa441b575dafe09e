import assert from "node:assert/strict";
import fc from "fast-check";
import { type Declared, declaredByEndpoints, declaredBySlice } from "../../kubernetes/declared";
import { mirrorStep } from "../../kubernetes/mirror";
import { type EndpointSliceObject, endpointSliceObject, endpointsObject } from "../../kubernetes/objects";
import { always } from "./property";

const CHECK = { "heye.io/health-check": '{"type":"tcp"}' };

function declared(
  addresses: readonly string[],
  annotations: Record<string, string> = CHECK,
  leaving: string[] = [],
): Declared {
  const made = declaredBySlice(
    endpointSliceObject.parse({
      metadata: {
        name: "web",
        namespace: "shop",
        uid: "u",
        resourceVersion: "3",
        labels: { "heye.io/service-name": "web" },
        annotations: { ...annotations, "kubectl.kubernetes.io/last-applied-configuration": "{}" },
      },
      addressType: "IPv4",
      ports: [{ name: "http", port: 80 }],
      endpoints: addresses.map((address) => ({
        addresses: [address],
        zone: "z",
        conditions: { ready: true, terminating: leaving.includes(address) },
      })),
    }),
  );
  assert.ok(made);
  return made;
}

/** What an API server would hold after a step. */
function written(step: ReturnType<typeof mirrorStep>, before?: EndpointSliceObject): EndpointSliceObject {
  assert.ok(step && step.kind !== "delete");
  const uid = { uid: "s", resourceVersion: "9" };
  if (step.kind === "create") {
    const { metadata, ...rest } = step.body as { metadata: object };
    return endpointSliceObject.parse({ ...rest, metadata: { ...metadata, ...uid } });
  }
  const { metadata, ...rest } = step.patch as { metadata: { annotations?: Record<string, string | null> } };
  const all = { ...before?.metadata.annotations, ...metadata.annotations };
  const annotations = Object.fromEntries(Object.entries(all).filter(([, text]) => text !== null));
  return endpointSliceObject.parse({
    ...before,
    ...rest,
    metadata: { ...before?.metadata, ...metadata, annotations, ...uid },
  });
}

function step(by: Declared, existing?: EndpointSliceObject) {
  const [slice] = by.slices;
  assert.ok(slice);
  return mirrorStep({ by, slice }, existing);
}

const readyOf = ({ endpoints }: EndpointSliceObject) =>
  Object.fromEntries((endpoints ?? []).map(({ addresses, conditions }) => [addresses[0], conditions?.ready]));

describe("slices that are made of declarations", () => {
  it("belong to the declaration, serve its Service, say what is asked, and begin as not ready", () => {
    const made = step(declared(["10.0.0.1"]));
    assert.deepEqual(made?.kind === "create" && made.body, {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: "web-rtfusfuk",
        namespace: "shop",
        labels: {
          "kubernetes.io/service-name": "web",
          "endpointslice.kubernetes.io/managed-by": "heye.io",
        },
        annotations: CHECK,
        ownerReferences: [
          { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", name: "web", uid: "u" },
        ],
      },
      addressType: "IPv4",
      ports: [{ name: "http", port: 80, protocol: "TCP" }],
      endpoints: [
        {
          addresses: ["10.0.0.1"],
          zone: "z",
          conditions: { ready: false, serving: false, terminating: false },
        },
      ],
    });
  });

  it("servers come in at once where nothing is to be asked, and not where the annotations are wrong", () => {
    for (const [annotations, ready] of [
      [{}, true],
      [{ "heye.io/health-check": '{"type":"none"}' }, true],
      [{ "heye.io/health-check": "nonsense" }, false],
      [{ ...CHECK, "heye.io/health-check-secret": "s" }, false],
    ] as const)
      assert.deepEqual(readyOf(written(step(declared(["10.0.0.1"], annotations)))), { "10.0.0.1": ready });
  });

  it("a change of the check is carried over, and an annotation that is gone goes", () => {
    const before = written(step(declared(["10.0.0.1"], { ...CHECK, "heye.io/health-check-secret": "s" })));
    const made = step(declared(["10.0.0.1"]), before);
    assert.deepEqual(made?.kind === "patch" && made.patch, {
      metadata: {
        resourceVersion: "9",
        annotations: { ...CHECK, "heye.io/health-check-secret": null },
      },
    });
  });

  it("those of nobody are deleted, unless they are being deleted", () => {
    const slice = written(step(declared(["10.0.0.1"])));
    assert.deepEqual(mirrorStep(undefined, slice), {
      kind: "delete",
      preconditions: { uid: "s", resourceVersion: "9" },
    });
    const metadata = { ...slice.metadata, deletionTimestamp: "2026-01-01T00:00:00Z" };
    assert.equal(mirrorStep(undefined, { ...slice, metadata }), undefined);
  });

  it("Endpoints make one for each family and its ports, whose name no edit of the addresses changes", () => {
    const by = declaredByEndpoints(
      endpointsObject.parse({
        metadata: { name: "web", uid: "u", resourceVersion: "3", labels: { "heye.io/service-name": "web" } },
        subsets: [
          {
            addresses: [{ ip: "10.0.0.1" }, { ip: "fd00::1" }],
            notReadyAddresses: [{ ip: "10.0.0.2" }],
            ports: [],
          },
          { addresses: [{ ip: "10.0.0.3", hostname: "c" }], ports: [{ port: 80 }] },
        ],
      }),
    );
    assert.deepEqual(
      by?.slices.map(({ addressType, endpoints }) => [addressType, endpoints]),
      [
        ["IPv4", [{ addresses: ["10.0.0.1"] }, { addresses: ["10.0.0.2"] }]],
        ["IPv6", [{ addresses: ["fd00::1"] }]],
        ["IPv4", [{ addresses: ["10.0.0.3"], hostname: "c" }]],
      ],
    );
  });

  it("what Kubernetes does with a declaration, and nobody wants, is told", () => {
    const endpoints = (name: string, labels: object) =>
      declaredByEndpoints(
        endpointsObject.parse({
          metadata: {
            ...{ name, uid: "u", resourceVersion: "3" },
            labels: { "heye.io/service-name": "web", ...labels },
          },
        }),
      )?.problems;
    const skips = { "endpointslice.kubernetes.io/skip-mirror": "true" };
    assert.deepEqual(endpoints("web", skips), []);
    assert.match(
      String(endpoints("web", {})),
      /expected the label endpointslice\.kubernetes\.io\/skip-mirror/,
    );
    assert.match(
      String(endpoints("other", skips)),
      /expected the name of the Service, web: Kubernetes deletes/,
    );
    const slice = (labels: object) =>
      declaredBySlice(
        endpointSliceObject.parse({
          metadata: {
            ...{ name: "web", uid: "u", resourceVersion: "3" },
            labels: { "heye.io/service-name": "web", ...labels },
          },
          addressType: "IPv4",
        }),
      )?.problems;
    assert.deepEqual(slice({}), []);
    assert.match(String(slice({ "kubernetes.io/service-name": "web" })), /expected no label kubernetes\.io/);
  });

  it("whatever is edited: servers that stay keep their readiness, and a second step is none", () => {
    const pool = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 6 });
    always(
      fc.property(
        pool,
        pool,
        fc.array(fc.boolean(), { minLength: 6 }),
        pool,
        (first, second, wells, leave) => {
          const places = (hosts: readonly number[]) => hosts.map((host) => `10.0.0.${host}`);
          const created = written(step(declared(places(first))));
          const checked = endpointSliceObject.parse({
            ...created,
            endpoints: (created.endpoints ?? []).map((one, index) => ({
              ...one,
              conditions: { ready: wells[index], serving: wells[index], terminating: false },
            })),
          });
          const by = declared(places(second), CHECK, places(leave));
          const edit = step(by, checked);
          const now = edit ? written(edit, checked) : checked;
          assert.equal(step(by, now), undefined);
          const was = readyOf(checked);
          const expected = places(second).map((place) => [
            place,
            was[place] === true && !places(leave).includes(place),
          ]);
          assert.deepEqual(readyOf(now), Object.fromEntries(expected));
        },
      ),
    );
  });
});
