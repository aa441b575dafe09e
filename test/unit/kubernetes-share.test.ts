import assert from "node:assert/strict";
import * as fc from "fast-check";
import { leaseObject } from "../../kubernetes/objects";
import { ownerOf, type View } from "../../kubernetes/share/division";
import { freeSlot, look, memberLease, othersOf, type Slots, viewWith } from "../../kubernetes/share/slots";
import { isOwn, isSettled } from "../../kubernetes/share/standing";
import { MEMBER_LEASES } from "../../spec/kubernetes";
import { fuzzRuns } from "./property";
import { steps, Walk } from "./replica-walk";

const KEYS = Array.from({ length: 1_000 }, (_, index) => `shop/service-${index}`);

describe("subjects are divided among slots", () => {
  const partOf = (slot: number, view: View) => KEYS.filter((key) => ownerOf(key, view) === slot);

  it("evenly", () => {
    const all = [1, 2, 3, 4, 5, 6, 7, 8];
    for (const view of [[1, 2], [2, 3], [1, 2, 3], [1, 3, 5, 7], all])
      for (const slot of view) {
        const part = partOf(slot, view).length / (KEYS.length / view.length);
        assert.ok(part > 0.8 && part < 1.2, `${slot} of ${view.join()}: ${part}`);
      }
    assert.equal(ownerOf("shop/web", []), undefined);
    assert.deepEqual(partOf(4, [4]), KEYS);
  });

  it("so that what comes takes only its own part, and what goes leaves only that", () => {
    for (const key of KEYS) {
      const [few, many] = [ownerOf(key, [1, 2, 4]), ownerOf(key, [1, 2, 3, 4])];
      assert.ok(many === few || many === 3, key);
    }
  });
});

describe("what is a replica's own", () => {
  const own = (published: View, target: View, others: Readonly<Record<number, View>>) => {
    const standing = {
      ...{ me: 1, published, target },
      others: new Map(Object.entries(others).map(([slot, view]) => [Number(slot), view])),
    };
    const part = KEYS.filter((key) => isOwn(key, standing)).length / KEYS.length;
    return { part, isSettled: isSettled(standing) };
  };

  it("all, alone; its part, with others that divide alike", () => {
    assert.deepEqual(own([1], [1], {}), { part: 1, isSettled: true });
    const two = own([1, 2], [1, 2], { 2: [1, 2] });
    assert.ok(two.part > 0.45 && two.part < 0.55 && two.isSettled);
  });

  it("nothing that another one's Lease claims, however old that claim is", () => {
    assert.deepEqual(own([1, 2], [1, 2], { 2: [2] }), { part: 0, isSettled: false });
  });

  it("nothing that is to go to who has come, and nothing of who has gone before that is published", () => {
    const coming = own([1], [1, 2], { 2: [1, 2] });
    assert.ok(coming.part > 0.45 && coming.part < 0.55 && !coming.isSettled);
    const going = own([1, 2], [1], {});
    assert.ok(going.part > 0.45 && going.part < 0.55 && !going.isSettled);
  });
});

describe("slots", () => {
  const lease = (slot: number, holder: string, view: View, resourceVersion = "1") => {
    const made = memberLease("heye-system", slot, new Map(), holder, view, new Date(0));
    return leaseObject.parse({ ...made, metadata: { ...made.metadata, resourceVersion } });
  };
  const seenAt = (nowMs: number, ...leases: ReturnType<typeof lease>[]) =>
    look(new Map(), leases, nowMs, nowMs);

  it("the first one that nobody has is taken; when all are held, none", () => {
    const free = (...leases: ReturnType<typeof lease>[]) => freeSlot(seenAt(0, ...leases), "me", 0);
    assert.deepEqual(
      [free(), free(lease(1, "a", [1])), free(lease(1, "a", [1, 3]), lease(3, "c", [1, 3]))],
      [1, 2, 2],
    );
    assert.equal(free(lease(1, "a", [])), 1, "one that was let go of");
    assert.equal(free(...MEMBER_LEASES.map((_, index) => lease(index + 1, "a", [1]))), undefined);
  });

  it("who has not renewed for 15 s is gone, with what it claimed", () => {
    const first = lease(1, "a", [1, 2]);
    let seen: Slots = seenAt(0, first, lease(2, "b", [2]));
    assert.deepEqual(
      [...othersOf(seen, "me", 0)],
      [
        [1, [1, 2]],
        [2, [2]],
      ],
    );
    for (let nowMs = 2_000; nowMs <= 16_000; nowMs += 2_000)
      seen = look(seen, [first, lease(2, "b", [2], String(nowMs))], nowMs - 2_000, nowMs);
    assert.deepEqual([...othersOf(seen, "me", 16_000).keys()], [2]);
    assert.equal(freeSlot(seen, "me", 16_000), 1);
  });

  it("of a time in which nobody could look, 6 s count", () => {
    const first = lease(1, "a", [1]);
    const seen = look(seenAt(0, first), [first], 0, 60_000);
    assert.deepEqual([...othersOf(seen, "me", 69_000).keys()], [1]);
    assert.deepEqual([...othersOf(seen, "me", 69_001).keys()], []);
    const renewed = look(seen, [lease(1, "a", [1], "2")], 60_000, 62_000);
    assert.deepEqual([...othersOf(renewed, "me", 77_000).keys()], [1]);
  });

  it("who has died is gone, however far apart the looks are", () => {
    for (const [everyMs, looks] of [
      [4_000, 4],
      [6_500, 3],
      [14_000, 3],
    ] as const) {
      const dead = lease(1, "a", [1]);
      let [seen, nowMs]: [Slots, number] = [seenAt(0, dead), 0];
      for (let count = 0; count < looks; count++, nowMs += everyMs) {
        assert.deepEqual([...othersOf(seen, "me", nowMs).keys()], [1], `after ${nowMs} ms`);
        seen = look(seen, [dead], nowMs, nowMs + everyMs);
      }
      assert.deepEqual([...othersOf(seen, "me", nowMs).keys()], [], `looks each ${everyMs} ms`);
      assert.equal(freeSlot(seen, "me", nowMs), 1);
    }
  });

  it("a division has oneself and all others, in order", () => {
    assert.deepEqual(viewWith(2, [10, 1, 2]), [1, 2, 10]);
  });
});

describe("replicas that share", function () {
  this.slow(10_000).timeout(60_000);

  it("never have the same subject, whoever comes, goes, dies or is cut off; and have all of them in the end", async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const walk = new Walk();
        for (const who of [0, 1, 2]) await walk.take({ act: "join", who, ms: 0 });
        await walk.settle();
        for (const step of all) await walk.take(step);
        await walk.settle();
      }),
      { numRuns: fuzzRuns(200) },
    );
  });
});
