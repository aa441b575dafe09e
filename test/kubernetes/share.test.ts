import assert from "node:assert/strict";
import { ownerOf } from "../../kubernetes/share/division";
import { Cluster } from "./cluster";
import { FaultProxy } from "./fault-proxy";
import { endLeftovers } from "./leftovers";
import { declaredSlice, service, untilOut, v1Endpoints } from "./objects";
import { Replica } from "./replica";
import { addresses, RealServer } from "./servers";
import { Serving } from "./serving";
import { until } from "./until";

after(() => Cluster.stopShared());

const SERVICES = 24;
const INTERVAL_MS = 400;
const CHECKED = {
  "heye.io/health-check": `{"type":"http","intervalMs":${INTERVAL_MS},"timeoutMs":5000,"rise":3,"fall":2}`,
};
/** Servers that are dead from the beginning. */
const DEAD: readonly number[] = [0, 1, 2, 3];

/** Services of one server each. Leases are in each test's own namespace: who had a slot before matters to none. */
describe("replicas that share the checks", function () {
  this.slow(60_000);
  let cluster: Cluster;
  let config: string;
  let namespace: string;
  let servers: RealServer[];

  before(async () => {
    cluster = await Cluster.shared();
    config = await cluster.accountConfig();
  });
  beforeEach(async () => {
    // Others would look after what is in this test's namespace as well.
    endLeftovers();
    namespace = await cluster.namespace();
    await cluster.allowLeases(namespace);
    servers = await Promise.all(addresses(SERVICES).map((place) => RealServer.start(place)));
    for (const index of DEAD) await servers[index]?.die();
    const items = servers.flatMap(({ address }, index) => [
      service(`s${index}`),
      v1Endpoints(`s${index}`, [address], CHECKED),
    ]);
    await cluster.apply({ apiVersion: "v1", kind: "List", items }, "-n", namespace);
  });
  afterEach(async () => {
    for (const server of servers) await server.die();
    endLeftovers();
    await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  });

  const placeOf = (index: number) => servers[index]?.address ?? "";
  /** Those that a slot has when two share. */
  const partOf = (slot: number) =>
    servers.flatMap((_, index) => (ownerOf(`${namespace}/s${index}`, [1, 2]) === slot ? [index] : []));
  const livingOf = (slot: number) => partOf(slot).filter((index) => !DEAD.includes(index));
  const places = () => ["--namespace", namespace, "--lease-namespace", namespace];
  const metric = (replica: Replica, name: string) => replica.metric(`heye_kubernetes_${name}`);

  /** Two that share; the dead servers are out. The first one has the first slot. */
  async function two(configOfSecond = config): Promise<[Replica, Replica]> {
    const first = await Replica.lead(config, ...places());
    for (const index of DEAD) await untilOut(cluster, namespace, `s${index}`, [placeOf(index)]);
    const second = await Replica.start(configOfSecond, ...places());
    await Promise.all([first.shares(2), second.shares(2)]);
    return [first, second];
  }

  /** Waits until these have been asked often enough for any readiness that is to change; all that live, if none is named. */
  async function askedOften(
    which = [...servers.keys()].filter((index) => !DEAD.includes(index)),
  ): Promise<void> {
    const before = servers.map(({ requests }) => requests);
    await until("they have been asked often", () =>
      which.every((index) => (servers[index]?.requests ?? 0) > (before[index] ?? 0) + 6),
    );
  }

  it("each server is asked by one of them, once an interval; nothing is written when a second one comes", async () => {
    const [first, second] = await two();
    const parts = [1, 2].map((slot) => partOf(slot).length);
    assert.ok(parts.every((part) => part > 0));
    for (const name of ["objects", "probes"])
      await until(`each has its part of ${name}`, async () => {
        const found = await Promise.all([metric(first, name), metric(second, name)]);
        return found.join() === parts.join();
      });
    assert.deepEqual([await metric(second, "objects_known"), await metric(second, "members")], [SERVICES, 2]);
    const [before, begunMs] = [servers.map(({ requests }) => requests), performance.now()];
    await askedOften();
    const most = (performance.now() - begunMs) / INTERVAL_MS + 2;
    servers.forEach(({ requests, address }, index) => {
      const times = requests - (before[index] ?? 0);
      assert.ok(times <= most, `${address} was asked ${times} times, and once an interval is ${most}`);
    });
    assert.equal(cluster.writeCount(namespace), DEAD.length, "nothing flaps");
    await second.stop();
    await first.stop();
  });

  it("a declaration is one replica's: its slice is made once, and nobody comes too late", async () => {
    const [first, second] = await two();
    const declared = await Promise.all(addresses(10).map((place) => RealServer.start(place)));
    const names = declared.map((_, index) => `d${index}`);
    const items = declared.flatMap(({ address }, index) => {
      const name = names[index] ?? "";
      return [service(name), declaredSlice(name, [address])];
    });
    await cluster.apply({ apiVersion: "v1", kind: "List", items }, "-n", namespace);
    for (const [index, name] of names.entries())
      await new Serving(cluster, namespace, name).untilReady([declared[index]?.address ?? ""]);
    const writes = cluster.writes(namespace).filter(({ resource }) => resource === "endpointslices");
    assert.deepEqual(
      writes.filter(({ status }) => status >= 300),
      [],
    );
    const made = writes.filter(({ verb }) => verb === "create");
    assert.equal(new Set(made.map(({ name }) => name)).size, names.length);
    assert.equal(made.length, names.length);
    const madeBy = (replica: Replica) => replica.log.filter(({ step }) => step === "create").length;
    const parts = [1, 2].map(
      (slot) => names.filter((name) => ownerOf(`${namespace}/${name}`, [1, 2]) === slot).length,
    );
    assert.deepEqual([madeBy(first), madeBy(second)], parts);
    for (const server of declared) await server.die();
    await second.stop();
    await first.stop();
  });

  it("one is killed, and another one comes: all is checked on, nothing flaps, who dies meanwhile is found", async () => {
    const [first, second] = await two();
    const [victim = 0, ...others] = livingOf(1);
    const written = cluster.writeCount(namespace);
    await first.kill();
    await servers[victim]?.die();
    await second.shares(1);
    await untilOut(cluster, namespace, `s${victim}`, [placeOf(victim)]);
    await askedOften(others);
    assert.equal(await metric(second, "objects"), SERVICES);
    assert.equal(cluster.writeCount(namespace), written + 1, "of the one that died");
    await servers[victim]?.revive();
    const third = await Replica.start(config, ...places());
    await Promise.all([second.shares(2), third.shares(2)]);
    await untilOut(cluster, namespace, `s${victim}`, []);
    await askedOften();
    assert.equal(cluster.writeCount(namespace), written + 2, "of the one that came back");
    const [next = 0] = livingOf(1);
    await servers[next]?.die();
    await untilOut(cluster, namespace, `s${next}`, [placeOf(next)]);
    assert.equal(cluster.writeCount(namespace), written + 3);
    await second.stop();
    await third.stop();
  });

  it("one is cut off from the API server for long: it writes nothing of what others have, and gets its share back", async () => {
    const proxy = await FaultProxy.start(cluster.plane);
    const [first, second] = await two(await cluster.accountConfig(proxy));
    const written = cluster.writeCount(namespace);
    proxy.fault = () => ({ status: 503 });
    proxy.cut();
    await first.shares(1);
    // Both find out; the one that is cut off keeps it to itself.
    const [victim = 0] = livingOf(2);
    await servers[victim]?.die();
    await untilOut(cluster, namespace, `s${victim}`, [placeOf(victim)]);
    const isVictim = ({ event, address }: { event: string; address?: unknown }) =>
      event === "health" && address === placeOf(victim);
    await until(
      "it has checked on",
      () => second.log.some(isVictim),
      () => second.log,
    );
    proxy.fault = () => undefined;
    await Promise.all([first.shares(2), second.shares(2)]);
    await askedOften(livingOf(2).filter((index) => index !== victim));
    assert.equal(cluster.writeCount(namespace), written + 1);
    await second.stop();
    await first.stop();
    await proxy.stop();
  });
});
