import assert from "node:assert/strict";
import { once } from "node:events";
import { setImmediate as turnOfEvents } from "node:timers/promises";
import { ApiError } from "../../kubernetes/api-errors";
import { dueMs } from "../../kubernetes/gathering";
import { Writer } from "../../kubernetes/writer";

/** When an object is written that changes at these times, if a write takes so long. */
function writesOf(changes: readonly number[], tookMs = 20): { atMs: number; holds: number }[] {
  const writes: { atMs: number; holds: number }[] = [];
  let next = 0;
  while (next < changes.length) {
    const last = writes.at(-1)?.atMs;
    // What changes while a write is on its way is looked at when it has ended.
    const changedMs = Math.max(changes[next] ?? 0, (last ?? Number.NEGATIVE_INFINITY) + tookMs);
    const atMs = dueMs(changedMs, last);
    const holds = changes.filter((one, index) => index >= next && one <= atMs).length;
    writes.push({ atMs, holds });
    next += holds;
  }
  return writes;
}

describe("when an object that has changed is written", () => {
  it("one change that comes alone: after 50 ms, and so is the next one that does", () => {
    const times = writesOf([0, 5_000, 6_500]).map(({ atMs }) => atMs);
    assert.deepEqual(times, [50, 5_050, 6_550]);
  });

  it("changes that come at once are one write", () => {
    assert.deepEqual(writesOf([0, 3, 49]), [{ atMs: 50, holds: 3 }]);
  });

  it("20 servers whose checks are spread over 2 s: three writes, the first as early as for one", () => {
    const spread = Array.from({ length: 20 }, (_, index) => index * 100);
    assert.deepEqual(writesOf(spread), [
      { atMs: 50, holds: 1 },
      { atMs: 1_050, holds: 10 },
      { atMs: 2_050, holds: 9 },
    ]);
  });

  it("nothing waits for more than a second, or for a write that takes longer", () => {
    const many = Array.from({ length: 500 }, (_, index) => index * 37);
    for (const tookMs of [20, 900, 3_000]) {
      const writes = writesOf(many, tookMs);
      let from = 0;
      for (const { atMs, holds } of writes) {
        assert.ok(atMs - (many[from] ?? 0) <= Math.max(1_000, tookMs + 50), `${tookMs}: ${atMs}`);
        from += holds;
      }
      assert.equal(from, many.length);
    }
  });
});

/** A writer whose writes are noted down, and told; those of `refused` are refused for a minute. */
function noted() {
  const events = new EventTarget();
  const names: string[] = [];
  const writer = new Writer({
    write: async (name) => {
      names.push(name);
      events.dispatchEvent(new Event(name));
      if (name === "refused") throw new ApiError(429, "PATCH", "later", 60_000);
      return true;
    },
    mayWrite: () => true,
    spacingMs: 60_000,
    onTrouble: () => undefined,
  });
  /** Marks an object, and waits until its write has ended. */
  const write = async (name: string) => {
    const begun = once(events, name);
    writer.mark(name);
    await begun;
    await writer.written();
  };
  return { writer, names, write };
}

describe("a writer", () => {
  it("holds back an object that it has just written, and no other one for that", async () => {
    const { writer, names, write } = noted();
    await write("a");
    writer.mark("a");
    await write("b");
    assert.deepEqual([names, writer.pending], [["a", "b"], 1]);
    await writer.stop();
  });

  it("holds no other one up for one that is refused", async () => {
    const { writer, names, write } = noted();
    await write("refused");
    await write("other");
    assert.deepEqual([names, writer.pending], [["refused", "other"], 1]);
    await writer.stop();
    assert.deepEqual(names, ["refused", "other"]);
  });

  it("that ends makes at once what waits for company", async () => {
    const { writer, names, write } = noted();
    await write("a");
    writer.mark("a");
    await writer.stop();
    assert.deepEqual(names, ["a", "a"]);
    writer.mark("a");
    await writer.stop();
    assert.deepEqual(names, ["a", "a"]);
  });
});

describe("a writer that ends", function () {
  this.slow(15_000);
  const writing = (write: (name: string) => Promise<boolean>) =>
    new Writer({ write, mayWrite: () => true, spacingMs: 60_000, onTrouble: () => undefined });

  it("keeps to eight writes at a time, and makes all", async () => {
    let [now, most, made] = [0, 0, 0];
    const writer = writing(async () => {
      most = Math.max(most, ++now);
      await turnOfEvents();
      now--;
      made++;
      return true;
    });
    for (let index = 0; index < 150; index++) writer.mark(`Endpoints shop/${index}`);
    await writer.stop();
    assert.deepEqual([most, made, writer.pending], [8, 150, 0]);
  });

  it("writes again what has changed while it was being written", async () => {
    const events = new EventTarget();
    const seen: string[] = [];
    let state = "old";
    const writer = writing(async () => {
      seen.push(state);
      events.dispatchEvent(new Event("begun"));
      if (seen.length === 1) await once(events, "answer");
      return true;
    });
    const begun = once(events, "begun");
    writer.mark("Endpoints shop/web");
    await begun;
    state = "new";
    writer.mark("Endpoints shop/web");
    const stopped = writer.stop();
    events.dispatchEvent(new Event("answer"));
    await stopped;
    assert.deepEqual(seen, ["old", "new"]);
  });

  it("tries again what is refused, if it may be soon", async () => {
    const refusals = [new ApiError(429, "PATCH", "later", 20), new ApiError(409, "PATCH", "changed")];
    let made = 0;
    const writer = writing(async () => {
      const refusal = refusals.shift();
      if (refusal) throw refusal;
      made++;
      return true;
    });
    writer.mark("Endpoints shop/web");
    await writer.stop();
    assert.deepEqual([made, refusals], [1, []]);
  });

  it("gives up after 5 s, and at once when it may write no more", async () => {
    let may = true;
    const write = async () => {
      throw new ApiError(503, "PATCH", "down");
    };
    const spacing = { spacingMs: 60_000, onTrouble: () => undefined };
    for (const [isLost, atMostMs] of [
      [false, 8_000],
      [true, 3_000],
    ] as const) {
      may = !isLost;
      const writer = new Writer({ write, mayWrite: () => may, ...spacing });
      writer.mark("Endpoints shop/web");
      const begunMs = performance.now();
      await writer.stop();
      assert.ok(performance.now() - begunMs < atMostMs);
      assert.equal(writer.pending, 0);
    }
  });
});
