import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { AlarmAction, AlarmType, Etcd3 } from "etcd3";
import { EtcdClient } from "../../agent/plane/etcd-client";
import { EtcdPlane } from "../../agent/plane/etcd-plane";
import type { Condition, Held, Writes } from "../../agent/plane/etcd-transaction";
import { DELTA_MAX_BYTES } from "../../agent/plane/log-format";
import {
  type Plane,
  PlaneDownError,
  PlaneUncertainError,
  type Proposed,
  type Shared,
} from "../../agent/plane/plane";
import { steps } from "../../agent/plane/registry-text";
import type { SharedEtcd } from "../../director/data";
import { EtcdCluster } from "./etcd-cluster";
import { registryOf } from "./registries";

/** One whose calls go another way than etcd's good members let them. */
class Hindered extends EtcdClient {
  /** The answers to these transactions are lost, and each is tried again. */
  loses: (writes: Writes) => boolean = () => false;
  /** Keys that it is not told of. */
  unread: RegExp | undefined;
  /** What comes between its asking and its being told. */
  beforeRead: ((key: string) => Promise<void>) | undefined;
  /** Waited for by transactions that remove something. */
  held: Promise<void> | undefined;

  override async commit(conditions: readonly Condition[], writes: Writes): Promise<boolean> {
    if (writes.deletes) await this.held;
    if (this.loses(writes)) await super.commit(conditions, writes);
    return super.commit(conditions, writes);
  }

  override async get(key: string): Promise<Held | undefined> {
    await this.beforeRead?.(key);
    if (this.unread?.test(key)) throw new PlaneDownError([], "it was lost just now");
    return super.get(key);
  }
}

const proposal = (before: string, after: string) => ({
  ...{ id: randomUUID(), delta: steps(before, after), leaves: [] },
});

function accepted(proposed: Proposed): Shared {
  assert.equal(proposed.outcome, "accepted");
  return (proposed as Proposed & { shared: Shared }).shared;
}

describe("what is shared in an etcd", () => {
  let etcd: EtcdCluster;
  let config: SharedEtcd;
  let client: Hindered;
  let plane: EtcdPlane;
  let other: Plane;
  const untidy: Error[] = [];

  before(async function () {
    this.timeout(300_000);
    etcd = await EtcdCluster.up(1);
  });
  after(() => etcd?.down());
  beforeEach(() => {
    config = { endpoints: etcd.endpoints, prefix: `/heye/${randomUUID()}` };
    client = new Hindered(config);
    plane = new EtcdPlane(client, config, (error) => untidy.push(error));
    other = new EtcdPlane(new EtcdClient(config), config);
    untidy.length = 0;
  });
  afterEach(() => {
    plane.close();
    other.close();
    assert.deepEqual(untidy, []);
  });

  const change = async (base: Shared | undefined, text: string) =>
    accepted(await plane.propose(base, proposal(base?.text ?? "", text)));
  const read = async () => (await other.newest())?.shared.text;

  it("is whole where the answer to a change was lost that wrote a snapshot", async () => {
    client.loses = () => true;
    const begun = await change(undefined, registryOf(2));
    assert.equal(await read(), registryOf(2), "the first one");
    const large = registryOf(2_000);
    assert.ok(Buffer.byteLength(large) > DELTA_MAX_BYTES);
    const next = await change(begun, large);
    assert.equal(await read(), large, "one that is too large for a delta");
    await change(next, registryOf(3));
    assert.equal(await read(), registryOf(3));
    await plane.replace(registryOf(4), 0, "unused");
    assert.equal(await read(), registryOf(4), "a restored one");
  });

  it("is whole where the answer was lost to a snapshot that was due", async () => {
    const begun = await change(undefined, registryOf(1));
    client.loses = ({ puts = [] }) => !puts.some(({ key }) => key.includes("/changes/"));
    // Its delta outgrows the registry, and fits into a change.
    await change(begun, registryOf(300));
    assert.equal(await read(), registryOf(300));
  });

  it("is whole where one tidies up late, after another one has written a snapshot", async () => {
    let release = () => {};
    client.held = new Promise((resolve) => {
      release = resolve;
    });
    const late = plane.replace(registryOf(2), 0, "h");
    while ((await other.newest().catch(() => undefined)) === undefined);
    await other.replace(registryOf(3), 0, "h");
    release();
    await late;
    assert.equal(await read(), registryOf(3));
    const left = await client.range(`${config.prefix}/snapshot/`, `${config.prefix}/snapshot0`);
    assert.equal(left.length, 1, "and what is left over goes");
  });

  it("agrees with itself also where somebody tidies up while that is looked at", async () => {
    const begun = await change(undefined, registryOf(2));
    let isTidied = false;
    client.beforeRead = async (key) => {
      if (!key.includes("/snapshot/") || isTidied) return;
      isTidied = true;
      await other.replace(registryOf(3), begun.revision, begun.history);
    };
    const { faults, held } = await plane.check();
    assert.deepEqual([faults, held?.revision], [[], 2]);
  });

  it("is uncertain where a change may have been taken and etcd was lost before it could be asked", async () => {
    const begun = await change(undefined, registryOf(2));
    client.loses = () => true;
    client.unread = /\/changes\//;
    const failed = await plane.propose(begun, proposal(begun.text, registryOf(3))).catch((error) => error);
    assert.ok(failed instanceof PlaneUncertainError, String(failed));
    assert.equal(await read(), registryOf(3));
  });

  it("is surely not changed where etcd has no space left", async () => {
    const begun = await change(undefined, registryOf(2));
    const own = new Etcd3({ hosts: etcd.endpoints });
    const alarm = (action: AlarmAction) =>
      own.maintenance.alarm({ action, memberID: "0", alarm: AlarmType.Nospace });
    await alarm(AlarmAction.Activate);
    try {
      const failed = await plane.propose(begun, proposal(begun.text, registryOf(3))).catch((error) => error);
      assert.ok(failed instanceof PlaneDownError, String(failed));
      assert.match(failed.message, /database space exceeded/);
    } finally {
      await alarm(AlarmAction.Deactivate);
      own.close();
    }
    await change(begun, registryOf(3));
  });
});
