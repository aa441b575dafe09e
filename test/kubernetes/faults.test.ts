import assert from "node:assert/strict";
import { versioned } from "../../kubernetes/objects";
import { Cluster } from "./cluster";
import { FaultProxy } from "./fault-proxy";
import { endpointsReadiness, service, untilOut, v1Endpoints } from "./objects";
import { Replica } from "./replica";
import { addresses, RealServer } from "./servers";
import { until } from "./until";

after(() => Cluster.stopShared());

/** Asks often, so that tests take less time. */
const QUICK = {
  "heye.io/health-check": '{"type":"http","intervalMs":200,"timeoutMs":5000,"rise":2,"fall":2}',
};
/** What the controller reads: Services, Endpoints, its slices, and declarations. */
const COLLECTIONS = 4;

describe("an API server that fails", function () {
  this.slow(60_000);
  let cluster: Cluster;
  let proxy: FaultProxy;
  let replica: Replica;
  let namespace: string;
  let servers: RealServer[];
  let places: string[];

  before(async () => {
    cluster = await Cluster.shared();
    proxy = await FaultProxy.start(cluster.plane);
    replica = await Replica.lead(await cluster.accountConfig(proxy));
  });
  after(async () => {
    await replica.stop();
    await proxy.stop();
  });
  beforeEach(async () => {
    namespace = await cluster.namespace();
    places = addresses(3);
    servers = await Promise.all(places.map((place) => RealServer.start(place)));
    const objects = [service("web"), v1Endpoints("web", places, QUICK)];
    await cluster.apply({ apiVersion: "v1", kind: "List", items: objects }, "-n", namespace);
    await until("all are checked", () => servers.every(({ requests }) => requests > 1));
  });
  afterEach(async () => {
    proxy.fault = () => undefined;
    for (const server of servers) await server.die();
    await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  });

  const out = (...indices: number[]) => indices.map((index) => places[index] ?? "");

  for (const status of [409, 429, 500, 503]) {
    const headers: Record<string, string> = status === 429 ? { "retry-after": "1" } : {};
    it(`a write that is answered with ${status} is made again, once`, async () => {
      const before = proxy.faults;
      proxy.fault = ({ method }) =>
        method === "PATCH" && proxy.faults < before + 2 ? { status, headers } : undefined;
      await servers[0]?.die();
      await untilOut(cluster, namespace, "web", out(0));
      assert.equal(proxy.faults, before + 2);
      assert.equal(cluster.writeCount(namespace), 1);
    });
  }

  it("a write that is answered too late, and was made, is not made twice", async () => {
    proxy.fault = ({ method }) => (method === "PATCH" ? { delayMs: 3_000 } : undefined);
    await servers[0]?.die();
    await untilOut(cluster, namespace, "web", out(0));
    await servers[1]?.die();
    await untilOut(cluster, namespace, "web", out(0, 1));
    assert.equal(cluster.writeCount(namespace), 2);
  });

  it("a write over an object that was edited meanwhile is refused, and made of the new one, however late the watch", async () => {
    // The watch brings nothing for a while, so the write is made of an old object.
    const isHeld = { now: true };
    proxy.fault = ({ method, url }) =>
      isHeld.now && method === "GET" && url.includes("watch=true") ? { status: 503 } : undefined;
    proxy.cut();
    const added = v1Endpoints("web", [...places, "10.77.250.1"], QUICK);
    await cluster.apply(added, "-n", namespace);
    await servers[0]?.die();
    await until("a write was refused", () => cluster.writes(namespace).some(({ status }) => status === 409));
    await until("the dead one is out", async () => {
      const { notReady } = await endpointsReadiness(cluster, namespace, "web");
      return notReady.includes(places[0] ?? "");
    });
    isHeld.now = false;
    await untilOut(cluster, namespace, "web", [...out(0), "10.77.250.1"]);
    assert.deepEqual((await endpointsReadiness(cluster, namespace, "web")).ready, out(1, 2));
  });

  it("a watch that is cut goes on from where it was, without a list", async () => {
    const lists = await replica.metric("heye_kubernetes_lists_total");
    const watched: string[] = [];
    proxy.fault = ({ url }) => {
      const { pathname, searchParams } = new URL(url, "https://127.0.0.1");
      if (searchParams.has("watch")) watched.push(pathname);
      return undefined;
    };
    for (let round = 0; round < 3; round++) {
      proxy.cut();
      await servers[round]?.die();
      await untilOut(cluster, namespace, "web", out(...[0, 1, 2].slice(0, round + 1)));
    }
    await cluster.apply(v1Endpoints("web", places.slice(0, 1), QUICK), "-n", namespace);
    await untilOut(cluster, namespace, "web", out(0));
    assert.equal(await replica.metric("heye_kubernetes_lists_total"), lists);
    // One copy of all Services, whoever looks at them: a second one would follow them as often again.
    const services = watched.filter((path) => path.endsWith("/services")).length;
    assert.ok(services >= 1 && services <= 4, `${services} watches of Services after three cuts`);
  });

  it("410: what the watch was to go on from is forgotten, and everything is read again", async () => {
    const lists = await replica.metric("heye_kubernetes_lists_total");
    const { metadata } = versioned.parse(
      JSON.parse(await cluster.kubectl(["get", "--raw", "/api/v1/namespaces"])),
    );
    const refused = new Set<string>();
    // Whoever goes on from before.
    proxy.fault = ({ url }) => {
      const { pathname, searchParams } = new URL(url, "https://127.0.0.1");
      const from = Number(searchParams.get("resourceVersion"));
      if (!searchParams.has("watch") || from > Number(metadata.resourceVersion)) return undefined;
      refused.add(`${pathname} ${searchParams.get("labelSelector")}`);
      return { status: 410 };
    };
    proxy.cut();
    await until(
      "all collections are read again",
      async () =>
        refused.size === COLLECTIONS &&
        (await replica.metric("heye_kubernetes_lists_total")) >= lists + COLLECTIONS,
    );
    assert.equal(cluster.writeCount(namespace), 0);
    await servers[0]?.die();
    await untilOut(cluster, namespace, "web", out(0));
    assert.equal(cluster.writeCount(namespace), 1);
  });

  it("an Event that is refused holds no other one up", async () => {
    const other = await cluster.namespace();
    const objects = [service("other"), v1Endpoints("other", places.slice(1, 2), QUICK)];
    await cluster.apply({ apiVersion: "v1", kind: "List", items: objects }, "-n", other);
    const before = proxy.faults;
    proxy.fault = ({ method, url }) =>
      method === "POST" && url.includes(`/${namespace}/events`) ? { status: 403 } : undefined;
    await servers[0]?.die();
    await until("it was refused", () => proxy.faults > before);
    await servers[1]?.die();
    await until("the other one is told", async () => (await cluster.events(other)).length === 1);
    assert.equal((await cluster.events(namespace)).length, 0);
    proxy.fault = () => undefined;
    await until("the first one is told, too", async () => (await cluster.events(namespace)).length === 2);
    await cluster.kubectl(["delete", "namespace", other, "--wait=false"]);
  });

  it("a server that is killed changes no readiness; the newest verdict is written when it is back", async () => {
    await servers[0]?.die();
    await untilOut(cluster, namespace, "web", out(0));
    const written = cluster.writeCount(namespace);
    await cluster.plane.killApiServer();
    await servers[0]?.revive();
    await servers[1]?.die();
    await servers[2]?.die();
    const seen = () =>
      replica.log.filter(({ event, healthy }) => event === "health" && healthy === false).length;
    await until("checks have gone on", () => seen() >= 3 && (servers[0]?.requests ?? 0) > 5);
    await servers[2]?.revive();
    await until("the one that came back is well again", () =>
      replica.log.some(
        ({ event, healthy, address }) => event === "health" && healthy && address === places[2],
      ),
    );
    assert.equal((await replica.get("/readyz")).status, 200);
    await cluster.plane.startApiServer();
    await untilOut(cluster, namespace, "web", out(1));
    assert.equal(cluster.writeCount(namespace), written + 1, "all of it by one write");
  });
});
