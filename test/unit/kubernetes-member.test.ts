import assert from "node:assert/strict";
import { once } from "node:events";
import pino from "pino";
import type { ApiRequest } from "../../kubernetes/api";
import { Member } from "../../kubernetes/share";
import { LeaseStore } from "./lease-store";

const KEYS = Array.from({ length: 100 }, (_, index) => `shop/service-${index}`);
const signal = new AbortController().signal;

/** Replicas on one API server; each request takes as long as is said. */
class Site {
  readonly store = new LeaseStore();
  nowMs = 0;
  /** How long a request takes, in ms. */
  tookMs = 0;

  member(identity: string, written: () => Promise<unknown> = async () => undefined): Member {
    const request = async (asked: ApiRequest) => {
      this.nowMs += this.tookMs;
      const made = this.store.make(asked);
      if ("error" in made) throw made.error;
      return made.answer;
    };
    const [log, nowMs] = [pino({ enabled: false }), () => this.nowMs];
    const onChange = () => undefined;
    return new Member({
      api: { request },
      log,
      namespace: "heye-system",
      identity,
      written,
      onChange,
      nowMs,
    });
  }
}

describe("a replica that shares", () => {
  it("takes over from one that has died though the API server is slow, and may write all the time", async () => {
    const site = new Site();
    site.tookMs = 2_100;
    const [first, second] = [site.member("first"), site.member("second")];
    const turn = async (...members: Member[]) => {
      for (const one of members) await one.turn(signal);
      site.nowMs += 2_000;
    };
    for (let count = 0; count < 4; count++) await turn(first, second);
    assert.deepEqual([first.members, second.members], [2, 2]);
    const diedMs = site.nowMs;
    while (second.members === 2 && site.nowMs < diedMs + 60_000) {
      await turn(second);
      assert.ok(second.mayWrite);
    }
    assert.equal(second.members, 1, `not in ${site.nowMs - diedMs} ms`);
    await turn(second);
    assert.ok(KEYS.every((key) => second.owns(key)));
  });

  it("waits once for writes that were on their way when somebody came, and for none that began later", async () => {
    const site = new Site();
    const ends = new EventTarget();
    const writing: Promise<unknown>[] = [];
    const begin = (name: string) => writing.push(once(ends, name));
    const first = site.member("first", () => Promise.all(writing));
    const second = site.member("second");
    const nobodys = () => KEYS.filter((key) => !first.owns(key) && !second.owns(key)).length;
    await first.turn(signal);
    begin("before");
    await second.turn(signal);
    await first.turn(signal);
    begin("after");
    const turn = first.turn(signal);
    await second.turn(signal);
    assert.ok(nobodys() > 0, "what was on its way may be of what is to go");
    ends.dispatchEvent(new Event("before"));
    await turn;
    await second.turn(signal);
    assert.equal(nobodys(), 0);
  });
});
