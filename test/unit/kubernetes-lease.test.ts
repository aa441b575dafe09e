import assert from "node:assert/strict";
import { pauseMs } from "../../kubernetes/backoff";
import { listenAddress } from "../../kubernetes/health-server";
import { heldLease, leaseStep, observe } from "../../kubernetes/lease";
import { leaseObject } from "../../kubernetes/objects";

const lease = (holderIdentity: string | undefined, resourceVersion = "1") =>
  leaseObject.parse({
    metadata: { name: "l", resourceVersion },
    spec: { holderIdentity, leaseDurationSeconds: 15, leaseTransitions: 3 },
  });

describe("a Lease", () => {
  it("is renewed by its holder, taken when free, and waited for when held", () => {
    const at = (holder: string | undefined) => leaseStep(observe(undefined, lease(holder), 0), "me", 0);
    assert.deepEqual([at("me"), at(""), at(undefined), at("other")], ["renew", "take", "take", "wait"]);
  });

  it("has run out when it was seen unchanged for its duration, whatever clocks elsewhere say", () => {
    let seen = observe(undefined, lease("other", "1"), 0);
    seen = observe(seen, lease("other", "1"), 14_000);
    assert.equal(leaseStep(seen, "me", 15_000), "wait");
    assert.equal(leaseStep(seen, "me", 15_001), "take");
    seen = observe(seen, lease("other", "2"), 15_001);
    assert.equal(leaseStep(seen, "me", 30_000), "wait");
  });

  it("counts changes of holder, and keeps what else stands in it", () => {
    const at = new Date("2026-01-02T03:04:05.678Z");
    const taken = heldLease(lease("other"), "me", at, "take");
    assert.deepEqual(
      [taken.spec.holderIdentity, taken.spec.leaseTransitions, taken.spec.renewTime],
      ["me", 4, "2026-01-02T03:04:05.678000Z"],
    );
    assert.equal(taken.metadata.name, "l");
    assert.equal(heldLease(lease("me"), "me", at, "renew").spec.leaseTransitions, 3);
    assert.equal(heldLease(lease("me"), "me", at, "release").spec.holderIdentity, "");
  });
});

describe("pauses between attempts", () => {
  it("double up to 10 s, are never shorter than asked for, and differ by chance", () => {
    const middle = (failures: number) => pauseMs(failures, 0, () => 1);
    assert.deepEqual([1, 2, 3, 20, 1_000].map(middle), [200, 400, 800, 10_000, 10_000]);
    assert.equal(
      pauseMs(1, 0, () => 0),
      100,
    );
    assert.equal(pauseMs(1, 5_000), 5_000);
  });
});

describe("--listen", () => {
  it("is an address and a port, or a port on all addresses", () => {
    assert.deepEqual(listenAddress(":9440"), { host: undefined, port: 9440 });
    assert.deepEqual(listenAddress("127.0.0.1:1"), { host: "127.0.0.1", port: 1 });
    assert.deepEqual(listenAddress("[::1]:65535"), { host: "::1", port: 65_535 });
    for (const text of ["9440", "host:1", "127.0.0.1:", ":65536", "[::1]", "1.2.3:4"])
      assert.throws(() => listenAddress(text), /--listen: expected ADDRESS:PORT or :PORT/, text);
  });
});
