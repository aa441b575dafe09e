import assert from "node:assert/strict";
import { Cluster } from "./cluster";
import { FaultProxy } from "./fault-proxy";
import {
  declaredEndpoints,
  onlySlice,
  service,
  sliceReadiness,
  statusOf,
  untilOut,
  v1Endpoints,
} from "./objects";
import { Replica } from "./replica";
import { addresses, RealServer } from "./servers";
import { until } from "./until";

after(() => Cluster.stopShared());

const QUICK = {
  "heye.io/health-check": '{"type":"http","intervalMs":200,"timeoutMs":5000,"rise":3,"fall":3}',
};

describe("several replicas", function () {
  this.slow(60_000);
  let cluster: Cluster;
  let config: string;
  let namespace: string;
  let places: string[];
  let servers: RealServer[];

  before(async () => {
    cluster = await Cluster.shared();
    config = await cluster.accountConfig();
  });
  beforeEach(async () => {
    namespace = await cluster.namespace();
    places = addresses(4);
    servers = await Promise.all(places.slice(0, 2).map((place) => RealServer.start(place)));
    const objects = [service("web"), v1Endpoints("web", places, QUICK)];
    await cluster.apply({ apiVersion: "v1", kind: "List", items: objects }, "-n", namespace);
  });
  afterEach(async () => {
    for (const server of servers) await server.die();
    await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  });
  const down = () => places.slice(2);

  /** What is known of servers has been asked for often enough to change readiness, if it were wrong. */
  async function askedOften(): Promise<void> {
    const before = servers[0]?.requests ?? 0;
    await until("it has been asked often", () => (servers[0]?.requests ?? 0) > before + 10);
  }

  it("one that ends in order hands over at once, and the next one writes nothing", async () => {
    const first = await Replica.lead(config);
    await untilOut(cluster, namespace, "web", down());
    const second = await Replica.start(config);
    await second.shares(2);
    assert.equal(second.has("lead"), false);
    const written = cluster.writeCount(namespace);
    assert.equal(await first.stop(), 0);
    await second.shares(1);
    await second.leads();
    await askedOften();
    assert.equal(cluster.writeCount(namespace), written, "nothing flaps");
    await servers[0]?.die();
    await untilOut(cluster, namespace, "web", [...down(), places[0] ?? ""]);
    await second.stop();
  });

  it("one that is killed is followed by another, which begins with what the objects say", async () => {
    const first = await Replica.lead(config);
    await untilOut(cluster, namespace, "web", down());
    const written = cluster.writeCount(namespace);
    await first.kill();
    // Nobody looks while one dies and one comes back.
    await servers[0]?.die();
    const back = await RealServer.start(places[2] ?? "");
    const second = await Replica.start(config);
    await second.shares(1);
    await untilOut(cluster, namespace, "web", [places[0] ?? "", places[3] ?? ""]);
    assert.ok(cluster.writeCount(namespace) <= written + 2, "one write for each, or one for both");
    await back.die();
    await second.stop();
  });

  it("one that was stopped in the middle writes nothing when it wakes up, and gets a share again", async () => {
    const first = await Replica.lead(config);
    await untilOut(cluster, namespace, "web", down());
    first.signal("SIGSTOP");
    const second = await Replica.start(config);
    await second.leads();
    await second.shares(1);
    await servers[1]?.die();
    await untilOut(cluster, namespace, "web", [...down(), places[1] ?? ""]);
    const written = cluster.writes(namespace).length;
    first.signal("SIGCONT");
    await until("the first one follows", () => first.has("follow"));
    await Promise.all([first.shares(2), second.shares(2)]);
    await askedOften();
    assert.equal(cluster.writes(namespace).length, written);
    await first.stop();
    await second.stop();
  });
});

describe("a replica that takes over, and whose watch of Endpoints is late", function () {
  this.slow(60_000);

  it("leaves slices as they are, of declarations that it does not know yet, or knows as they were", async () => {
    const cluster = await Cluster.shared();
    const proxy = await FaultProxy.start(cluster.plane);
    const [fresh, edited] = [await cluster.namespace(), await cluster.namespace()];
    const [before = "", after = "", dead = ""] = addresses(3);
    const servers = await Promise.all([before, after].map((place) => RealServer.start(place)));
    const declare = async (namespace: string, places: readonly string[]) =>
      cluster.apply(declaredEndpoints("web", places), "-n", namespace);
    const isReady = async (namespace: string, slice: string, place: string) =>
      (await sliceReadiness(cluster, namespace, slice)).ready.join() === place;
    for (const namespace of [fresh, edited]) await cluster.apply(service("web"), "-n", namespace);
    const first = await Replica.lead(await cluster.accountConfig());
    await declare(edited, [before, dead]);
    // The second one gets no share, and is told nothing of Endpoints once it has read them.
    const [alone, late] = [{ now: true }, { now: false }];
    const reads = new Set<string>();
    proxy.fault = ({ method, url }) => {
      if (method === "GET" && url.includes("/endpoints/")) reads.add(url);
      const isRefused =
        (alone.now && url.includes("/leases")) || (late.now && url.startsWith("/api/v1/endpoints?"));
      return isRefused ? { status: 503 } : undefined;
    };
    const second = await Replica.start(await cluster.accountConfig(proxy));
    late.now = true;
    proxy.cut();
    for (const namespace of [fresh, edited]) await declare(namespace, [after, dead]);
    const made = new Map<string, string>();
    for (const namespace of [fresh, edited]) {
      const slice = await onlySlice(cluster, namespace);
      await until("the server is in, and the dead one is told of", async () => {
        const status = await statusOf(cluster, namespace, "endpointslice", slice);
        return Object.keys(status?.out ?? {}).join() === dead && (await isReady(namespace, slice, after));
      });
      made.set(namespace, slice);
    }
    const written = [fresh, edited].map((namespace) => cluster.writes(namespace).length);
    await first.stop();
    alone.now = false;
    await second.shares(1);
    await until(
      "it has looked at both declarations",
      () => [fresh, edited].every((namespace) => reads.has(`/api/v1/namespaces/${namespace}/endpoints/web`)),
      () => cluster.writes(fresh),
    );
    const asked = servers[1]?.requests ?? 0;
    await until("it has checked often", () => (servers[1]?.requests ?? 0) > asked + 5);
    assert.deepEqual(
      [fresh, edited].map((namespace) => cluster.writes(namespace).length),
      written,
    );
    for (const [namespace, slice] of made) assert.ok(await isReady(namespace, slice, after));
    await servers[1]?.die();
    for (const [namespace, slice] of made)
      await untilOut(cluster, namespace, slice, [after, dead], sliceReadiness);
    // The watch catches up, and what it brings is done.
    late.now = false;
    await cluster.kubectl(["label", "endpoints", "web", "heye.io/service-name-", "-n", fresh]);
    await until("its slice is gone", () =>
      cluster.writes(fresh).some(({ verb, name }) => verb === "delete" && name === made.get(fresh)),
    );
    await second.stop();
    await proxy.stop();
    await servers[0]?.die();
    for (const namespace of [fresh, edited])
      await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  });
});
