import assert from "node:assert/strict";
import { once } from "node:events";
import { setImmediate as turnOfEvents } from "node:timers/promises";
import pino from "pino";
import * as z from "zod";
import type { ApiRequest } from "../../kubernetes/api";
import { ApiError } from "../../kubernetes/api-errors";
import { leaseObject } from "../../kubernetes/objects";
import { Member } from "../../kubernetes/share";
import { LeaseStore } from "./lease-store";

const leaseName = z.object({ metadata: z.object({ name: z.string() }) });
const KEYS = Array.from({ length: 100 }, (_, index) => `shop/service-${index}`);
const signal = new AbortController().signal;

/** Replicas on one API server; each request takes as long as is said. */
class Site {
  readonly store = new LeaseStore();
  nowMs = 0;
  /** How long a request takes, in ms. */
  tookMs = 0;
  /** What the server has against a request; undefined: nothing. */
  refusal: (asked: ApiRequest) => ApiError | undefined = () => undefined;
  readonly log: string[] = [];

  member(identity: string, written: () => Promise<unknown> = async () => undefined): Member {
    const request = async (asked: ApiRequest) => {
      this.nowMs += this.tookMs;
      const refusal = this.refusal(asked);
      if (refusal) throw refusal;
      const made = this.store.make(asked);
      if ("error" in made) throw made.error;
      return made.answer;
    };
    const [log, nowMs] = [pino({}, { write: (line: string) => this.log.push(line) }), () => this.nowMs];
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

  it("takes a place whose Lease somebody has made without our label", async () => {
    const site = new Site();
    const name = "heye-kubernetes-member-1";
    site.store.leases.set(name, leaseObject.parse({ metadata: { name, resourceVersion: "x" } }));
    const one = site.member("one");
    await one.turn(signal);
    assert.equal(one.members, 1);
    assert.equal(site.store.leases.get(name)?.spec?.holderIdentity, "one");
    assert.equal(site.store.leases.get(name)?.metadata.labels?.["app.kubernetes.io/name"], "heye-kubernetes");
  });

  it("tries another place where it is refused one, and comes back to that when all are refused", async () => {
    const site = new Site();
    const asked: string[] = [];
    const nameIn = ({ body }: ApiRequest) => leaseName.parse(body).metadata.name;
    site.refusal = (request) => {
      if (request.method === "GET") return undefined;
      asked.push(nameIn(request).slice(-1));
      return asked.length > 10 ? undefined : new ApiError(422, "POST", "a policy says no");
    };
    const one = site.member("one");
    for (let turn = 0; turn < 10; turn++) await assert.rejects(one.turn(signal), { status: 422 });
    await one.turn(signal);
    assert.equal(asked.join(""), "12345678123");
    assert.equal(one.members, 1);
  });

  it("keeps its place while renewing it is refused", async () => {
    const site = new Site();
    const one = site.member("one");
    await one.turn(signal);
    site.refusal = ({ method }) => (method === "PUT" ? new ApiError(403, "PUT", "forbidden") : undefined);
    await assert.rejects(one.turn(signal), { status: 403 });
    site.refusal = () => undefined;
    await one.turn(signal);
    assert.deepEqual([...site.store.leases.keys()], ["heye-kubernetes-member-1"]);
  });

  it("says what its role lacks, and when it has to stand by", async () => {
    const site = new Site();
    const ending = new AbortController();
    site.refusal = ({ method }) =>
      method === "POST" ? new ApiError(403, "POST", "cannot create resource") : undefined;
    const running = site.member("one").run(ending.signal);
    while (site.log.length === 0) await turnOfEvents();
    ending.abort();
    await running;
    assert.match(site.log.join(""), /a role that allows to create and list Leases/);
    site.refusal = () => undefined;
    for (let index = 0; index < 8; index++) await site.member(`member-${index}`).turn(signal);
    const ninth = site.member("ninth");
    for (let turn = 0; turn < 3; turn++) await ninth.turn(signal);
    assert.equal(ninth.members, 0);
    assert.equal(site.log.filter((line) => line.includes('"event":"standby"')).length, 1);
  });
});
