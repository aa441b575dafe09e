import assert from "node:assert/strict";
import pino from "pino";
import { wantedOf } from "../../kubernetes";
import type { ApiRequest } from "../../kubernetes/api";
import { ApiError } from "../../kubernetes/api-errors";
import { Counts } from "../../kubernetes/counts";
import { declaredByEndpoints } from "../../kubernetes/declared";
import type { Told } from "../../kubernetes/events";
import { type MirrorStep, mirrorStep } from "../../kubernetes/mirror";
import { ObjectWrites } from "../../kubernetes/object-writes";
import { endpointsObject } from "../../kubernetes/objects";
import type { Note } from "../../kubernetes/plan";
import { sliceOf } from "./kubernetes-objects";

const NAME = "EndpointSlice shop/web";
const DELETION: MirrorStep = { kind: "delete", preconditions: { uid: "u", resourceVersion: "7" } };

/**
 * Requests that are made for a slice whose only server has failed.
 *
 * @param step what its declaration says
 * @param isOwn whether it is this replica's: at first, and when the declaration has come
 */
async function made(step: MirrorStep | undefined, isOwn: readonly [boolean, boolean]) {
  const requests: string[] = [];
  let [may, later] = isOwn;
  const subject = sliceOf({ "10.0.0.1": { ready: true } });
  const writes = new ObjectWrites({
    api: {
      request: async ({ method }: ApiRequest) => {
        requests.push(method);
        return subject.object;
      },
    },
    log: pino({ enabled: false }),
    counts: new Counts(),
    events: { tell: () => undefined },
    collections: { subject: () => subject, put: () => undefined },
    population: { wantedOf: () => wantedOf(subject, { service: { hasSelector: false, ports: ["http"] } }) },
    mirrors: {
      step: async () => {
        may = later;
        return step;
      },
      declaredFor: () => undefined,
    },
    verdict: () => ({ healthy: false, reason: "tcp 10.0.0.1:80: refused" }),
    mayWrite: () => may,
  });
  const wasNeeded = await writes.make(NAME);
  return { requests, wasNeeded };
}

describe("the write that an object needs", () => {
  it("is a step towards its declaration, or its readiness", async () => {
    const own = [true, true] as const;
    assert.deepEqual(await made(DELETION, own), { requests: ["DELETE"], wasNeeded: true });
    assert.deepEqual(await made(undefined, own), { requests: ["PATCH"], wasNeeded: true });
  });

  it("is not made by a replica that has lost the object, while its declaration was read as well", async () => {
    for (const isOwn of [
      [false, false],
      [true, false],
    ] as const)
      for (const step of [DELETION, undefined])
        assert.deepEqual((await made(step, isOwn)).requests, [], `${isOwn.join()} ${step?.kind}`);
  });
});

/** A slice that is to be made of a declaration, before an API server that answers so. */
function making(answer: (request: ApiRequest) => object | ApiError) {
  const by = declaredByEndpoints(
    endpointsObject.parse({
      metadata: {
        ...{ name: "web", namespace: "shop", uid: "u", resourceVersion: "3" },
        labels: { "heye.io/service-name": "web" },
      },
      subsets: [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ port: 80 }] }],
    }),
  );
  const [slice] = by?.slices ?? [];
  assert.ok(by && slice);
  const requests: string[] = [];
  const bodies: unknown[] = [];
  const told: [Told, Note][] = [];
  const writes = new ObjectWrites({
    api: {
      request: async (request: ApiRequest) => {
        requests.push(request.method);
        bodies.push(request.body);
        const said = answer(request);
        if (said instanceof ApiError) throw said;
        return said;
      },
    },
    log: pino({ enabled: false }),
    counts: new Counts(),
    events: { tell: (...one) => told.push(one) },
    collections: { subject: () => undefined, put: () => undefined },
    population: { wantedOf: () => undefined },
    mirrors: { step: async () => mirrorStep({ by, slice }, undefined), declaredFor: () => by },
    verdict: () => undefined,
    mayWrite: () => true,
  });
  return {
    requests,
    bodies,
    told,
    make: () => writes.make(`EndpointSlice shop/${slice.name}`),
    name: slice.name,
  };
}

describe("a slice that is to be made of a declaration", () => {
  const exists = new ApiError(409, "POST /", "already exists");
  const standing = (owner: object) => ({
    metadata: { name: "web-x", uid: "s", resourceVersion: "7", labels: {}, ownerReferences: [owner] },
    addressType: "IPv4",
  });

  it("and is there, without our label, gets it back: it serves, and somebody has to look after it", async () => {
    const owner = { apiVersion: "v1", kind: "Endpoints", name: "web", uid: "u" };
    const site = making(({ method }) => (method === "POST" ? exists : standing(owner)));
    assert.equal(await site.make(), true);
    assert.deepEqual(site.requests, ["POST", "GET", "PATCH"]);
    const labels = {
      "kubernetes.io/service-name": "web",
      "endpointslice.kubernetes.io/managed-by": "heye.io",
    };
    assert.deepEqual(site.bodies[2], { metadata: { resourceVersion: "7", labels } });
  });

  it("and whose name somebody else's has, leaves that alone, and is told of at the declaration, once", async () => {
    const owner = { apiVersion: "v1", kind: "Service", name: "web", uid: "v" };
    const site = making(({ method }) => (method === "POST" ? exists : standing(owner)));
    for (let round = 0; round < 9; round++)
      await assert.rejects(site.make(), /found somebody else's: delete it/);
    assert.ok(!site.requests.includes("PATCH"));
    const about = { apiVersion: "v1", kind: "Endpoints", name: "web", uid: "u" };
    assert.deepEqual(
      site.told.map(([subject, { reason }]) => [subject.about, reason]),
      [[about, "HealthCheckProblem"]],
    );
  });

  it("and is refused for what the declaration says is told of there; not while the server is away", async () => {
    let answer = new ApiError(503, "POST /", "busy");
    const site = making(() => answer);
    for (let round = 0; round < 9; round++) await assert.rejects(site.make());
    assert.equal(site.told.length, 0);
    answer = new ApiError(422, "POST /", "endpoints: Too many: 1001: must have at most 1000 items");
    for (let round = 0; round < 9; round++) await assert.rejects(site.make());
    assert.equal(site.told.length, 1);
    assert.match(site.told[0]?.[1].message ?? "", /Too many: 1001/);
  });
});
