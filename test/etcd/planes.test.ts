import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { EtcdClient } from "../../agent/plane/etcd-client";
import { EtcdPlane } from "../../agent/plane/etcd-plane";
import { behind } from "../../agent/plane/etcd-transaction";
import { Keys } from "../../agent/plane/log-format";
import type { Known, Left, Plane, Proposed, Shared } from "../../agent/plane/plane";
import { digestOf, steps } from "../../agent/plane/registry-text";
import { LocalPlane } from "../unit/local-plane";
import { EtcdCluster } from "./etcd-cluster";
import { registryOf } from "./registries";

let cluster: EtcdCluster;

/** Both kinds, each with several doors to one and the same plane. */
const KINDS = {
  "of a director alone": () => {
    const plane = new LocalPlane();
    return [plane, plane, plane];
  },
  "in etcd": () => {
    const config = { endpoints: cluster.endpoints, prefix: `/heye/${randomUUID()}` };
    return [1, 2, 3].map(() => new EtcdPlane(new EtcdClient(config), config));
  },
} satisfies Record<string, () => Plane[]>;

const proposal = (delta: readonly string[]) => ({ id: randomUUID(), delta, leaves: [] });

function accepted(proposed: Proposed): Shared {
  assert.equal(proposed.outcome, "accepted");
  return (proposed as Proposed & { shared: Shared }).shared;
}

describe("a plane", () => {
  before(async function () {
    this.timeout(300_000);
    cluster = await EtcdCluster.up(3);
  });
  after(() => cluster?.down());

  for (const [kind, make] of Object.entries(KINDS)) {
    describe(kind, () => {
      let planes: Plane[] = [];
      let plane: Plane;
      let other: Plane;
      beforeEach(() => {
        planes = make();
        [plane, other] = planes as [Plane, Plane];
      });
      afterEach(() => {
        for (const one of planes) one.close();
      });

      const begin = async (text: string) =>
        accepted(await plane.propose(undefined, proposal(steps("", text))));

      it("holds nothing until somebody begins, and then what was begun with", async () => {
        assert.equal(await plane.newest(), undefined);
        const begun = await begin(registryOf(3));
        assert.deepEqual([begun.revision, begun.text], [1, registryOf(3)]);
        assert.deepEqual((await other.newest())?.shared, begun);
      });

      it("takes a change of what is newest, and counts it; no other", async () => {
        const begun = await begin(registryOf(3));
        const next = accepted(await plane.propose(begun, proposal(steps(begun.text, registryOf(5)))));
        assert.deepEqual([next.revision, next.text, next.history], [2, registryOf(5), begun.history]);
        const late = await other.propose(begun, proposal(steps(begun.text, registryOf(4))));
        assert.equal(late.outcome, "overtaken");
        assert.deepEqual(late.outcome === "overtaken" && late.newest, {
          ...{ shared: next, leaves: [], isSuccessor: true },
        });
        const twice = await other.propose(undefined, proposal(steps("", registryOf(1))));
        assert.equal(twice.outcome, "overtaken", "nobody begins a second time");
      });

      it("lets one of several win who change the same revision at the same time, and loses no change of theirs", async () => {
        await begin("");
        const write = async (door: Plane, from: number) => {
          for (let index = from; index < from + 8; index++) {
            for (;;) {
              const shared = (await door.newest())?.shared;
              assert.ok(shared);
              const delta = steps("", registryOf(index + 1)).filter(
                (edit) => !shared.text.includes(edit.slice(1)),
              );
              const own = delta.filter(
                (edit) => !edit.startsWith("+service") || edit.includes(`:${8_000 + index}\t`),
              );
              if ((await door.propose(shared, proposal(own))).outcome === "accepted") break;
            }
          }
        };
        await Promise.all(planes.map((door, index) => write(door, 8 * index)));
        const newest = await plane.newest();
        assert.equal(newest?.shared.text, registryOf(24));
        assert.equal(newest?.shared.revision, 25);
      });

      it("tells what has come since, and whether it is a successor of what was known", async () => {
        const begun = await begin(registryOf(2));
        let shared = begun;
        for (let count = 3; count < 20; count++)
          shared = accepted(await plane.propose(shared, proposal(steps(shared.text, registryOf(count)))));
        assert.deepEqual(await other.newest(begun), { shared, leaves: [], isSuccessor: true });
        const { text: _, ...byName } = begun;
        assert.deepEqual(await other.newest(byName), { shared, leaves: [], isSuccessor: true });
        const elsewhere = { ...begun, history: randomUUID() };
        assert.equal((await other.newest(elsewhere))?.isSuccessor, false);
        const ahead = { ...byName, revision: shared.revision + 1 };
        assert.equal((await other.newest(ahead))?.isSuccessor, false, "it was put back to an older state");
        const apart = { ...byName, revision: shared.revision, digest: begun.digest };
        assert.equal((await other.newest(apart))?.isSuccessor, false, "the same number, another content");
      });

      it("calls whoever watches when something has changed", async () => {
        const begun = await begin(registryOf(1));
        let hints = 0;
        const watching = other.watch(() => hints++);
        await until(() => hints > 0 || kind === "of a director alone");
        const before = hints;
        await plane.propose(begun, proposal(steps(begun.text, registryOf(2))));
        await until(() => hints > before);
        watching.close();
      });

      it("takes a whole registry in the place of what it holds, newer than anything that is known of", async () => {
        const begun = await begin(registryOf(6));
        const put = await other.replace(registryOf(2), 40, "unused");
        assert.deepEqual([put.revision, put.text, put.history], [41, registryOf(2), begun.history]);
        assert.deepEqual(await plane.newest(begun), { shared: put, leaves: [], isSuccessor: true });
      });

      it("takes a change of any size whole", async () => {
        const begun = await begin(registryOf(1));
        const large = registryOf(4_000);
        const next = accepted(await plane.propose(begun, proposal(steps(begun.text, large))));
        assert.equal((await other.newest())?.shared.text, large);
        const small = accepted(await plane.propose(next, proposal(steps(large, registryOf(3_999)))));
        assert.equal((await other.newest(next))?.shared.text, small.text);
      });
    });
  }
});

describe("an etcd that was put back to an older state", () => {
  before(async function () {
    this.timeout(300_000);
    cluster = await EtcdCluster.up(1);
  });
  after(() => cluster?.down());

  it("is known for that however far it has moved on, by those who had followed what it has lost", async () => {
    const config = { endpoints: cluster.endpoints, prefix: "/heye/back" };
    const [client, keys] = [new EtcdClient(config), new Keys(config.prefix)];
    const untidy: Error[] = [];
    const plane = new EtcdPlane(client, config, (error) => untidy.push(error));
    const all = { from: "/heye/back/", to: behind("/heye/back/") };
    const change = async (base: Shared | undefined, count: number) =>
      accepted(await plane.propose(base, proposal(steps(base?.text ?? "", registryOf(count)))));
    const nameOf = ({ text: _, ...known }: Shared) => known;
    let shared = await change(undefined, 1);
    while (shared.revision < 3) shared = await change(shared, shared.revision + 1);
    const [old, saved] = [shared, await client.range(all.from, all.to)];
    while (shared.revision < 8) shared = await change(shared, shared.revision + 1);
    const lost = nameOf(shared);
    await client.commit([], { deletes: [all] });
    await client.commit([], { puts: saved });
    let followed: Known | undefined;
    for (shared = old; shared.revision < 520; shared = await change(shared, (shared.revision % 2) + 1))
      if (shared.revision === 8) followed = nameOf(shared);
    assert.equal(await client.get(keys.change(8)), undefined, "its entry has gone");
    assert.deepEqual(untidy, []);
    const { isSuccessor, isForgotten } = (await plane.newest(lost)) ?? {};
    assert.deepEqual([isSuccessor, isForgotten], [false, undefined]);
    assert.equal((await plane.newest(followed))?.isSuccessor, true);
    assert.equal((await plane.newest(nameOf(old)))?.isSuccessor, true);
    await client.commit([], { deletes: [{ from: keys.passed(0), to: keys.passed(9) }] });
    const unknown = await plane.newest(followed);
    assert.deepEqual([unknown?.isSuccessor, unknown?.isForgotten], [false, true]);
    const put = await plane.replace(registryOf(2), 0, "unused");
    assert.equal((await plane.newest(lost))?.isSuccessor, true, "somebody has decided");
    assert.equal((await plane.newest(nameOf(put)))?.isSuccessor, true);
    plane.close();
  }).timeout(120_000);
});

describe("what etcd holds", () => {
  let client: EtcdClient;
  let plane: Plane;
  let keys: Keys;
  before(async function () {
    this.timeout(300_000);
    cluster = await EtcdCluster.up(1);
  });
  after(() => cluster?.down());
  beforeEach(() => {
    const config = { endpoints: cluster.endpoints, prefix: `/heye/${randomUUID()}` };
    client = new EtcdClient(config);
    plane = new EtcdPlane(client, config);
    keys = new Keys(config.prefix);
  });
  afterEach(() => plane.close());

  const change = async (base: Shared | undefined, count: number, leaves: readonly Left[] = []) =>
    accepted(await plane.propose(base, { ...proposal(steps(base?.text ?? "", registryOf(count))), leaves }));

  it("is mended by a restored registry, whatever has become of its head and its changes", async () => {
    const begun = await change(undefined, 1);
    const second = await change(begun, 2);
    await client.commit([], { puts: [{ key: keys.change(second.revision), value: "damaged" }] });
    const fresh = { ...begun, text: undefined };
    await assert.rejects(plane.newest(fresh), /changes between revisions 1 and 2 are missing/);
    const put = await plane.replace(registryOf(3), second.revision, begun.history);
    assert.deepEqual(await plane.newest(begun), { shared: put, leaves: [], isSuccessor: true });
    await client.commit([], { puts: [{ key: keys.head, value: "damaged" }] });
    await assert.rejects(plane.newest(begun), /its head is of another version/);
    const again = await plane.replace(registryOf(4), put.revision, begun.history);
    assert.deepEqual([again.revision, again.history], [put.revision + 1, begun.history]);
    assert.deepEqual(await plane.newest(put), { shared: again, leaves: [], isSuccessor: true });
  });

  it("is followed again by who had followed another history, once somebody has put a registry there", async () => {
    const lost = { history: "lost", revision: 7, digest: digestOf(registryOf(7)), text: registryOf(7) };
    const begun = await change(undefined, 1);
    assert.equal((await plane.newest(lost))?.isSuccessor, false);
    const put = await plane.replace(registryOf(7), lost.revision, lost.history);
    assert.equal(put.revision, 8);
    for (const known of [lost, begun, put]) assert.equal((await plane.newest(known))?.isSuccessor, true);
    const next = await change(put, 8);
    for (const known of [lost, begun, put])
      assert.deepEqual(await plane.newest(known), { shared: next, leaves: [], isSuccessor: true });
    assert.equal((await plane.newest({ ...lost, revision: 8 }))?.isSuccessor, false, "it went on elsewhere");
    assert.equal((await plane.newest({ ...lost, history: "another" }))?.isSuccessor, false);
  });

  it("tells of what was let go of as long as nobody has declared that again", async () => {
    const [key] = ["tcp 192.0.2.1:8001"];
    const begun = await change(undefined, 2);
    const without = await change(begun, 1, [{ key }]);
    assert.deepEqual((await plane.newest(begun))?.leaves, [{ key }]);
    const again = await change(without, 2);
    assert.deepEqual((await plane.newest(begun))?.leaves, []);
    await change(again, 1);
    assert.deepEqual((await plane.newest(begun))?.leaves, [], "and then it was removed");
  });
});

describe("members of etcd", () => {
  it("that say nothing are each asked once before the one that answers", async function () {
    this.timeout(300_000);
    cluster = await EtcdCluster.up(1);
    const silent = await Promise.all([1, 2].map(() => listening()));
    const endpoints = [...silent.map(({ port }) => `http://127.0.0.1:${port}`), ...cluster.endpoints];
    // Whichever is first: of six clients, one in 700 times all begin with the one that answers.
    const clients = Array.from({ length: 6 }, () => new EtcdClient({ endpoints, prefix: "/heye/silent" }));
    try {
      await Promise.all(clients.map((client) => client.get("/heye/silent/head")));
    } finally {
      for (const client of clients) client.close();
      for (const one of silent) one.close();
      await cluster.down();
    }
  });
});

/** What takes connections, and never says a word. */
async function listening(): Promise<{ readonly port: number; close(): void }> {
  const taken = new Set<Socket>();
  const server = createServer((socket) => taken.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.close();
    // gRPC leaves a connection open on which nothing was ever said.
    for (const socket of taken) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    assert.ok(tries < 1_000, "not within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
