import assert from "node:assert/strict";
import { EventEmitter, getEventListeners } from "node:events";
import type { Etcd3 } from "etcd3";
import { mayPass, reasonOf } from "../../agent/plane/etcd-faults";
import { watchKey } from "../../agent/plane/etcd-watch";
import { until } from "./agent-site";

/** A stream that breaks as soon as it was opened. */
class Broken extends EventEmitter {
  write(): void {
    setImmediate(() => {
      this.emit("data", { created: true, canceled: false, events: [] });
      this.emit("error", new Error("14 UNAVAILABLE: Connection dropped"));
    });
  }

  end(): void {}
}

describe("a watch", () => {
  it("leaves nothing behind of streams that broke, however long etcd is away", async () => {
    let opened = 0;
    const watch = async () => {
      opened++;
      return new Broken();
    };
    const member = { watchClient: { watch } } as unknown as Etcd3;
    const ending = new AbortController();
    const members = { now: () => member, turnFrom: () => undefined };
    const watching = watchKey(members, "/heye/edge/head", () => undefined, ending.signal);
    await until(
      () => opened > 4,
      () => `opened ${opened} times`,
    );
    // That of the stream, and that of the pause.
    assert.ok(getEventListeners(ending.signal, "abort").length <= 2);
    ending.abort();
    await watching;
  });
});

describe("etcd's words", () => {
  it("are one line, without what a terminal would obey", () => {
    assert.equal(reasonOf(new Error("14 UNAVAILABLE: no\u001b[2J way\nmore")), "no [2J way");
  });

  it("tell refusals from what passes", () => {
    assert.equal(mayPass(new Error("etcdserver: request timed out")), true);
    assert.equal(mayPass(new Error("etcdserver: mvcc: database space exceeded")), false);
  });
});
