import assert from "node:assert/strict";
import { Cluster } from "./cluster";
import {
  declaredEndpoints,
  declaredSlice,
  managedSlice,
  onlySlice,
  service,
  servingSlices,
  sliceConditions,
  sliceReadiness,
  statusOf,
  untilOut,
} from "./objects";
import { Replica } from "./replica";
import { addresses, RealServer } from "./servers";
import { Serving } from "./serving";
import { until } from "./until";

after(() => Cluster.stopShared());

describe("EndpointSlices with our label", function () {
  this.slow(60_000);
  let cluster: Cluster;
  let replica: Replica;
  let namespace: string;

  before(async () => {
    cluster = await Cluster.shared();
    replica = await Replica.lead(await cluster.accountConfig());
  });
  after(() => replica.stop());
  beforeEach(async () => {
    namespace = await cluster.namespace();
  });
  afterEach(() => cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]));

  it("conditions follow the checks; one that the user lets leave is serving, and never ready", async () => {
    const [up = "", leaving = "", down = ""] = addresses(3);
    const servers = [await RealServer.start(up), await RealServer.start(leaving)];
    await cluster.apply(service("web"), "-n", namespace);
    await cluster.apply(managedSlice("web-1", "web", [up, leaving, down]), "-n", namespace);
    await untilOut(cluster, namespace, "web-1", [down], sliceReadiness);
    const gone = { ready: false, serving: false, terminating: false };
    assert.deepEqual(await sliceConditions(cluster, namespace, "web-1"), {
      [up]: {},
      [leaving]: {},
      [down]: gone,
    });
    assert.deepEqual(Object.keys((await statusOf(cluster, namespace, "endpointslice", "web-1"))?.out ?? {}), [
      down,
    ]);
    assert.equal(cluster.writeCount(namespace), 1);
    const endpoints = [up, leaving, down].map((address) => ({
      addresses: [address],
      conditions: { terminating: address === leaving },
    }));
    await cluster.kubectl([
      "patch",
      "-n",
      namespace,
      "endpointslice",
      "web-1",
      "--type=merge",
      "-p",
      JSON.stringify({ endpoints }),
    ]);
    await untilOut(cluster, namespace, "web-1", [leaving, down], sliceReadiness);
    assert.deepEqual((await sliceConditions(cluster, namespace, "web-1"))[leaving], {
      ready: false,
      serving: true,
      terminating: true,
    });
    await servers[1]?.die();
    await until("it serves no more", async () => {
      const conditions = await sliceConditions(cluster, namespace, "web-1");
      return conditions[leaving]?.serving === false;
    });
    for (const server of servers) await server.die();
  });

  it("slices of others are left alone: without the label, and mirrored from annotated Endpoints", async () => {
    const [down = ""] = addresses(1);
    await cluster.apply(service("foreign"), "-n", namespace);
    const slice = managedSlice("foreign-1", "foreign", [down]);
    const labels = { "kubernetes.io/service-name": "foreign" };
    const ours = managedSlice("ours-1", "foreign", [down]);
    await cluster.apply({ ...slice, metadata: { ...slice.metadata, labels } }, "-n", namespace);
    await cluster.apply(ours, "-n", namespace);
    await untilOut(cluster, namespace, "ours-1", [down], sliceReadiness);
    assert.deepEqual((await sliceReadiness(cluster, namespace, "foreign-1")).ready, [down]);
    assert.deepEqual(
      cluster.writes(namespace).map(({ name }) => name),
      ["ours-1"],
    );
  });
});

describe("declarations of servers", function () {
  this.slow(60_000);
  let cluster: Cluster;
  let replica: Replica;
  let namespace: string;

  before(async () => {
    cluster = await Cluster.shared();
    replica = await Replica.lead(await cluster.accountConfig());
  });
  after(() => replica.stop());
  beforeEach(async () => {
    namespace = await cluster.namespace();
  });
  afterEach(() => cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]));
  const version = (kind: string, name: string) =>
    cluster.kubectl(["get", "-n", namespace, kind, name, "-o", "jsonpath={.metadata.resourceVersion}"]);
  const slices = () => servingSlices(cluster, namespace);
  const only = () => onlySlice(cluster, namespace);

  for (const [kind, declare] of [
    ["endpointslice", declaredSlice],
    ["endpoints", declaredEndpoints],
  ] as const) {
    it(`${kind}: new servers come in after their check; the declaration is never written`, async () => {
      const [first = "", second = "", dead = ""] = addresses(3);
      const servers = [await RealServer.start(first)];
      await cluster.apply(service("web"), "-n", namespace);
      await cluster.apply(declare("web", [first, dead]), "-n", namespace);
      const declared = await version(kind, "web");
      const made = await only();
      assert.match(made, /^web-[a-z]{8}$/);
      await untilOut(cluster, namespace, made, [dead], sliceReadiness);
      assert.equal(await only(), made);
      servers.push(await RealServer.start(second));
      assert.equal(await version(kind, "web"), declared);
      await cluster.apply(declare("web", [first, dead, second]), "-n", namespace);
      const edited = await version(kind, "web");
      await until("the new one is in", async () => {
        const { ready } = await sliceReadiness(cluster, namespace, made);
        return ready.join() === [first, second].join();
      });
      await servers[0]?.die();
      await untilOut(cluster, namespace, made, [first, dead], sliceReadiness);
      await cluster.apply(declare("web", [second]), "-n", namespace);
      await until("the others are gone", async () => {
        const { ready, notReady } = await sliceReadiness(cluster, namespace, made);
        return notReady.length === 0 && ready.join() === second;
      });
      assert.notEqual(await version(kind, "web"), edited);
      const events = await until("an Event is at the declaration", async () => {
        const all = await cluster.events(namespace);
        return all.some(({ reason }) => reason === "ServerDown") && all;
      });
      assert.ok(events.every(({ name }) => name === "web"));
      await cluster.kubectl(["delete", kind, "web", "-n", namespace]);
      await until("the slice is gone", async () => (await slices()).length === 0);
      for (const server of servers) await server.die();
    });
  }

  it("a slice goes when its declaration has other ports, or is none any more", async () => {
    const [dead = ""] = addresses(1);
    const declared = declaredEndpoints("web", [dead]);
    await cluster.apply(service("web"), "-n", namespace);
    await cluster.apply(declared, "-n", namespace);
    const made = await only();
    const subsets = declared.subsets.map((one) => ({ ...one, ports: [{ name: "http", port: 81 }] }));
    await cluster.apply({ ...declared, subsets }, "-n", namespace);
    await until("the other one is alone", async () => {
      const names = await slices();
      return names.length === 1 && names[0] !== made;
    });
    await cluster.kubectl(["label", "endpoints", "web", "heye.io/service-name-", "-n", namespace]);
    await until("none is there", async () => (await slices()).length === 0);
  });

  it("a port that comes besides takes nobody out: the slice with both ports begins as the old one was", async () => {
    const [up = "", dead = ""] = addresses(2);
    const server = await RealServer.start(up);
    const declared = declaredEndpoints("web", [up, dead]);
    await cluster.apply(service("web"), "-n", namespace);
    await cluster.apply(declared, "-n", namespace);
    const web = new Serving(cluster, namespace, "web");
    await web.untilReady([up]);
    const made = await only();
    const ports = [
      { name: "http", port: 80 },
      { name: "metrics", port: 9_090 },
    ];
    const subsets = declared.subsets.map((one) => ({ ...one, ports }));
    await cluster.apply({ ...declared, subsets }, "-n", namespace);
    const seen = new Set<string>();
    await until("the other one is alone", async () => {
      const all = await web.slices();
      seen.add([...new Set((await web.readiness()).ready)].join());
      return all.length === 1 && all[0]?.metadata.name !== made;
    });
    assert.deepEqual([...seen], [up]);
    await server.die();
    await web.untilReady([]);
  });

  it("a slice of ours whose label somebody takes away gets it back, and is looked after", async () => {
    const [up = ""] = addresses(1);
    const server = await RealServer.start(up);
    await cluster.apply(service("web"), "-n", namespace);
    await cluster.apply(declaredSlice("web", [up]), "-n", namespace);
    const web = new Serving(cluster, namespace, "web");
    await web.untilReady([up]);
    const label = "endpointslice.kubernetes.io/managed-by-";
    await cluster.kubectl(["label", "endpointslice", await only(), label, "-n", namespace]);
    await server.die();
    await web.untilReady([]);
  });

  it("a declaration that Kubernetes serves unchecked, and one that is refused, are told of", async () => {
    const [dead = ""] = addresses(1);
    const declared = declaredEndpoints("web", [dead]);
    const labels = { "heye.io/service-name": "web" };
    await cluster.apply(service("web"), "-n", namespace);
    await cluster.apply({ ...declared, metadata: { ...declared.metadata, labels } }, "-n", namespace);
    const web = new Serving(cluster, namespace, "web");
    // Kubernetes' own slice has it, whatever we say.
    await web.untilReady([dead]);
    const told = async (words: RegExp) =>
      (await cluster.events(namespace)).some(({ message, name }) => name === "web" && words.test(message));
    await until("it is told", () => told(/expected the label endpointslice\.kubernetes\.io\/skip-mirror/));
    await cluster.apply(declared, "-n", namespace);
    await web.untilReady([]);
    const many = Array.from({ length: 1_001 }, (_, index) => `10.78.${index >> 8}.${index & 255}`);
    await cluster.apply(declaredEndpoints("web", many), "-n", namespace);
    await until("the other one is told of, too", () => told(/must have at most 1000 items/));
  });

  it("a slice of ours that somebody edits is put back, with the readiness that it had", async () => {
    const [up = "", dead = ""] = addresses(2);
    const server = await RealServer.start(up);
    await cluster.apply(service("web"), "-n", namespace);
    await cluster.apply(declaredSlice("web", [up, dead]), "-n", namespace);
    const made = await only();
    const isIn = async () => (await sliceReadiness(cluster, namespace, made)).ready.join() === up;
    await until("the server is in", isIn);
    const patch = {
      endpoints: [{ addresses: ["10.77.250.9"] }, { addresses: [up], conditions: { ready: true } }],
    };
    await cluster.kubectl([
      "patch",
      "-n",
      namespace,
      "endpointslice",
      made,
      "--type=merge",
      "-p",
      JSON.stringify(patch),
    ]);
    await until("it is as declared", async () => {
      const { ready, notReady } = await sliceReadiness(cluster, namespace, made);
      return ready.join() === up && notReady.join() === dead;
    });
    await server.die();
  });
});
