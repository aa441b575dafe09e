import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { EtcdClient } from "../../agent/plane/etcd-client";
import { EtcdPlane } from "../../agent/plane/etcd-plane";
import { Keys } from "../../agent/plane/log-format";
import { steps } from "../../agent/plane/registry-text";
import { putVirtualServer } from "../../director";
import { renderRegistry } from "../../director/data";
import { type AgentSite, virtualServer } from "../unit/agent-site";
import { Directors, eventually } from "./directors";
import { EtcdCluster } from "./etcd-cluster";
import { Relay } from "./relay";

const ME = { id: "me-1", label: "shop/prod Cluster edge" };
/** While a test lasts nobody looks a second time: what comes, comes by the watch. */
const NEVER_MS = 3_600_000;
const HOUR_MS = 3_600_000;
/** A silent connection is noticed after a quarter of a minute, a lease runs out after as long. */
const LIMIT_MS = 240_000;

/** A virtual server that nobody checks. */
const web = (port: number, weight: number) =>
  virtualServer([{ address: "10.0.0.1", port, weight, forwarding: "nat" }], {
    ...{ port, resource: `web-${port}`, token: `t-${port}`, healthCheck: { type: "none" } },
  });
const keyOf = (port: number) => `tcp 192.0.2.1:${port}`;
const put = (port: number, weight = 1) =>
  putVirtualServer(ME, keyOf(port), web(port, weight), { known: true });
/** A registry of such virtual servers, by their weights. */
const registryOf = (weights: ReadonlyMap<number, number>) =>
  renderRegistry({
    owners: {
      [ME.id]: {
        label: ME.label,
        virtualServers: Object.fromEntries(
          [...weights].map(([port, weight]) => [keyOf(port), web(port, weight)]),
        ),
      },
    },
  });
const ports = ({ kernel }: AgentSite) => kernel.table.map(({ port }) => port).sort((a, b) => a - b);

describe("a director that was away", () => {
  let etcd: EtcdCluster;
  let directors: Directors;
  /** Ways of the third director to the members. */
  let relays: Relay[] = [];

  before(async function () {
    this.timeout(300_000);
    etcd = await EtcdCluster.up(3);
  });
  after(() => etcd?.down());
  beforeEach(async () => {
    relays = await Promise.all(etcd.members.map(({ client }) => Relay.to(client)));
    const endpoints = relays.map(({ port }) => `http://127.0.0.1:${port}`);
    directors = await Directors.up({ endpoints: etcd.endpoints }, (site, index) => {
      site.lookMs = NEVER_MS;
      if (index === 2 && site.etcd) site.etcd = { ...site.etcd, endpoints };
    });
  });
  afterEach(async () => {
    for (const relay of relays) relay.mend();
    await directors.down();
    await Promise.all(relays.map((relay) => relay.close()));
    for (const { name, process } of etcd.members) if (!process) etcd.start(name);
    await etcd.ready();
  });

  /** What others have declared shows on a director that nobody asks for anything. */
  const shows = (site: AgentSite, wanted: readonly number[]) =>
    eventually(
      () => ports(site).join() === wanted.join(),
      () => `${site.name} has ${ports(site).join()}, and not ${wanted.join()}`,
    );
  const compact = async () => {
    const text = await etcd.ctl(["get", "x", "--write-out=json"]);
    const { header } = JSON.parse(text) as { header: { revision: number } };
    await etcd.ctl(["compaction", String(header.revision), "--physical"]);
  };

  it("is told by its watch again after a long partition, a compaction and the death of the member that it watched", async () => {
    const [first, , third] = directors.sites;
    assert.ok(first && third);
    await first.director().change(put(80));
    for (const site of directors.sites) await shows(site, [80]);
    const watched = etcd.members[relays.findIndex(({ isUsed }) => isUsed)];
    assert.ok(watched, "it asks none of them");
    for (const relay of relays) relay.cut();
    const dialled = () => relays.reduce((sum, relay) => sum + relay.dialled, 0);
    const before = dialled();
    for (const weight of [2, 3, 4]) await first.director().change(put(81, weight));
    await compact();
    await etcd.kill(watched.name);
    await first.director().change(put(82));
    // It has lost its watch, and cannot open another one.
    await eventually(
      () => dialled() > before,
      () => "it does not notice that nothing comes any more",
    );
    assert.deepEqual(ports(third), [80]);
    for (const relay of relays) relay.mend();
    for (const site of directors.sites) await shows(site, [80, 81, 82]);
    await first.director().change(put(83));
    for (const site of directors.sites) await shows(site, [80, 81, 82, 83]);
    etcd.start(watched.name);
    await etcd.ready();
    await compact();
    await first.director().change(put(84));
    for (const site of directors.sites) await shows(site, [80, 81, 82, 83, 84]);
  }).timeout(LIMIT_MS);

  it("for an hour comes back to what is newest: its lease is over, and what it has not seen is gone from etcd's history and from the log", async () => {
    const client = new EtcdClient(directors.etcd);
    const plane = new EtcdPlane(client, directors.etcd);
    const now = Date.now;
    try {
      const [first, , third] = directors.sites;
      assert.ok(first && third);
      for (const port of [80, 81, 82]) await first.director().change(put(port));
      await shows(third, [80, 81, 82]);
      const known = third.plane?.member.standing.revision ?? 0;
      for (const relay of relays) relay.cut();
      // Nobody hears its goodbye: as where it was killed, or its director lost its power.
      const gone = third.stop();
      let shared = (await plane.newest())?.shared;
      assert.ok(shared);
      const keys = new Keys(directors.etcd.prefix);
      const added = Array.from({ length: 10 }, (_, index) => 90 + index);
      // The first of those that it has not seen is there after the first round, and some day not any more.
      for (let round = 0; round === 0 || (await client.get(keys.change(known + 1))); round++) {
        assert.ok(round < 2_000, "the log is never tidied up");
        const changed = [81, ...added].map((port) => [port, 1 + (round % 50)] as const);
        const delta = steps(shared.text, registryOf(new Map([[80, 1], ...changed])));
        const proposed = await plane.propose(shared, { id: randomUUID(), delta, leaves: [] });
        assert.equal(proposed.outcome, "accepted");
        if (proposed.outcome === "accepted") ({ shared } = proposed);
      }
      await gone;
      await compact();
      const alive = async () => (await first.plane?.ask())?.directors.map(({ director }) => director) ?? [];
      for (let tries = 0; (await alive()).includes(third.name); tries++) {
        assert.ok(tries < 600, "its lease does not run out");
        await delay(100);
      }
      third.kernel.edits.length = 0;
      Date.now = () => now() + HOUR_MS;
      for (const relay of relays) relay.mend();
      await third.start();
      await directors.converge();
      assert.deepEqual(ports(third), [80, 81, ...added]);
      assert.equal(third.keeper.view.text, shared.text);
      const touched = third.kernel.edits.filter(({ service }) => service.port === 80);
      assert.deepEqual(touched, [], "an entry that stood all the time was touched");
      await first.director().change(put(100));
      for (const site of directors.sites) await shows(site, [80, 81, ...added, 100]);
    } finally {
      Date.now = now;
      plane.close();
    }
  }).timeout(LIMIT_MS);
});
