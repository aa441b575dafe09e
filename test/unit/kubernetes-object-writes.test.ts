import assert from "node:assert/strict";
import pino from "pino";
import { wantedOf } from "../../kubernetes";
import type { ApiRequest } from "../../kubernetes/api";
import { Counts } from "../../kubernetes/counts";
import type { MirrorStep } from "../../kubernetes/mirror";
import { ObjectWrites } from "../../kubernetes/object-writes";
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
