import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { noLog } from "../../agent/log";
import { EtcdClient } from "../../agent/plane/etcd-client";

import { statusText } from "../../agent/text";
import type { AgentSite } from "../unit/agent-site";
import { apiClient } from "../unit/api-client";
import { Directors, eventually } from "./directors";
import { EtcdCluster } from "./etcd-cluster";

/** What another director says of itself: more than all else that goes on while nobody changes anything. */
const LONG = 300_000;
const word = (director: string, troubles: readonly string[]) => ({
  ...{ director, instance: "of this test", version: "test", revision: 0, down: 0, lost: 0, troubles },
  digests: { registry: "", table: "" },
});

describe("what directors that share an etcd say of themselves", () => {
  let etcd: EtcdCluster;
  let directors: Directors;
  let client: EtcdClient;
  const logged: string[] = [];

  before(async function () {
    this.timeout(300_000);
    etcd = await EtcdCluster.up(1);
  });
  after(() => etcd?.down());
  beforeEach(async () => {
    logged.length = 0;
    const log = noLog();
    log.error = (words: object) => void logged.push(JSON.stringify(words));
    directors = await Directors.up({ endpoints: etcd.endpoints }, (site) => Object.assign(site, { log }));
    client = new EtcdClient(directors.etcd);
  });
  afterEach(async () => {
    client.close();
    await directors.down();
  });

  const says = (director: string, troubles: readonly string[] = []) => {
    const key = `${directors.etcd.prefix}/directors/${director}`;
    return client.commit([], { puts: [{ key, value: JSON.stringify(word(director, troubles)) }] });
  };
  const heardBy = async (site: AgentSite) =>
    (await apiClient(site.socket).get("/v1/status")).body.plane.directors.map(
      (one: { director: string }) => one.director,
    );
  const counted = async (name: string) => {
    const text = await (await fetch(`${etcd.endpoints[0]}/metrics`)).text();
    const value = new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1];
    assert.ok(value !== undefined, `etcd does not tell ${name}`);
    return Number(value);
  };

  it("is read where somebody asks, and by nobody all the time: that would grow with their square", async () => {
    await says("d9", ["x".repeat(LONG)]);
    const [reads, sent] = ["etcd_mvcc_range_total", "etcd_network_client_grpc_sent_bytes_total"];
    const before = { reads: await counted(reads), sent: await counted(sent) };
    while ((await counted(reads)) < before.reads + 40) await delay(50);
    assert.ok(
      (await counted(sent)) - before.sent < LONG,
      "three directors have looked often, and at no other",
    );
    for (const site of directors.sites) assert.deepEqual(await heardBy(site), ["d1", "d2", "d3", "d9"]);
    assert.ok((await counted(sent)) - before.sent > LONG);
  });

  it("is said again where it was taken away, and not where another one says something in its name", async () => {
    await client.commit([], {
      deletes: [{ from: `${directors.etcd.prefix}/directors/`, to: `${directors.etcd.prefix}/directors0` }],
    });
    const { plane } = directors.at(0);
    let alive = 0;
    for (let tries = 0; alive < 3; tries++) {
      assert.ok(tries < 300, "not within 30 s");
      alive = (await plane?.ask())?.directors.length ?? 0;
      await delay(100);
    }
    const stale = word("d1", ["long past"]);
    const own = JSON.parse(String((await client.get(`${directors.etcd.prefix}/directors/d1`))?.value));
    const value = JSON.stringify({ ...stale, instance: own.instance });
    await client.commit([], { puts: [{ key: `${directors.etcd.prefix}/directors/d1`, value }] });
    for (let tries = 0; ; tries++) {
      assert.ok(tries < 300, "a word of its own that came late is not corrected");
      const held = await client.get(`${directors.etcd.prefix}/directors/d1`);
      if (!String(held?.value).includes("long past")) break;
      await delay(100);
    }
    await says("d2");
    await eventually(
      () => logged.some((line) => line.includes("d2")),
      () => "it says that there are two",
    );
    const key = `${directors.etcd.prefix}/directors/d2`;
    assert.match(String((await client.get(key))?.value), /of this test/, "they do not write in turns");
  });

  it("is not more than etcd takes, whatever is in a director's way", async () => {
    const [first] = directors.sites;
    assert.ok(first?.plane);
    const standing = first.plane.member.standing;
    const conflicts = Array.from({ length: 20_000 }, (_, index) => `${index} ${"x".repeat(500)}`);
    Object.defineProperty(first.plane.member, "standing", { get: () => ({ ...standing, conflicts }) });
    await client.commit([], {
      deletes: [
        { from: `${directors.etcd.prefix}/directors/d1`, to: `${directors.etcd.prefix}/directors/d2` },
      ],
    });
    let troubles: readonly string[] | undefined;
    for (let tries = 0; troubles === undefined; tries++) {
      assert.ok(tries < 300, "not within 30 s");
      const all = await directors.at(1).plane?.ask();
      troubles = all?.directors.find(({ director }) => director === "d1")?.troubles;
      await delay(100);
    }
    assert.equal(troubles.at(-1), "and 19990 more");
  });

  it("is not told as if it were known while etcd is lost", async () => {
    const site = directors.at(0);
    for (let tries = 0; (await heardBy(site)).length < 3; tries++) assert.ok(tries < 3_000, "all are heard");
    etcd.pause("m1");
    try {
      await eventually(
        () => site.plane?.member.standing.state === "lost",
        () => "it says so",
      );
      const { body } = await apiClient(site.socket).get("/v1/status");
      assert.deepEqual(body.plane.directors, []);
      assert.match(statusText(body, Date.now()), /^ALARM: etcd lost for \d+ s, revision 0 \(/m);
    } finally {
      etcd.resume("m1");
    }
  }).timeout(60_000);
});
