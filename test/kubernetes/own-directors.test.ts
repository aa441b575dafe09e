import assert from "node:assert/strict";
import * as z from "zod";
import { manifest } from "../../kubernetes";
import { poolData } from "../../spec/kubernetes";
import { Cluster } from "./cluster";
import { DirectorSite, DirectorTrust } from "./director-site";
import { Replica } from "./replica";
import { until } from "./until";

after(() => Cluster.stopShared());

const serviceObject = z.object({
  metadata: z.object({
    annotations: z.record(z.string(), z.string()).default({}),
    finalizers: z.array(z.string()).default([]),
  }),
  spec: z.object({ ports: z.array(z.object({ nodePort: z.number().optional() })) }),
  status: z.object({
    loadBalancer: z.object({ ingress: z.array(z.object({ ip: z.string() })).default([]) }),
  }),
});

/** A Service of our class, whose endpoints the tests write by hand. */
function balanced(name: string, annotations: Readonly<Record<string, string>> = {}, spec: object = {}) {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, annotations },
    spec: {
      ...{ type: "LoadBalancer", loadBalancerClass: "heye.io/ipvs" },
      ports: [{ name: "http", port: 80, protocol: "TCP" }],
      ...spec,
    },
  };
}

function slice(name: string, ready: readonly string[], notReady: readonly string[] = []) {
  const endpoint = (isReady: boolean) => (address: string) => ({
    addresses: [address],
    conditions: { ready: isReady },
    nodeName: `node-${address.split(".").at(-1)}`,
  });
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: `${name}-1`, labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    endpoints: [...ready.map(endpoint(true)), ...notReady.map(endpoint(false))],
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  };
}

/** What the controller needs besides where there are directors, as the manifest has it. */
const rights = (urls: readonly string[]) =>
  manifest({ directors: urls }).filter(({ metadata }) => metadata.name === "heye-kubernetes-directors");

const ENDPOINTS = { "heye.io/real-servers": "endpoints" };

describe("Services of type LoadBalancer on directors of our own", function () {
  this.slow(60_000);
  let cluster: Cluster;
  let trust: DirectorTrust;
  let directors: DirectorSite[];
  let replica: Replica;
  let namespace: string;

  before(async () => {
    cluster = await Cluster.shared();
    trust = await DirectorTrust.make();
    directors = [await DirectorSite.up(trust), await DirectorSite.up(trust)];
    const data = poolData({ addresses: ["192.0.2.10-192.0.2.12"] });
    const labels = { "heye.io/load-balancer-pool": "true" };
    const pool = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "public", namespace: "heye-system", labels },
      data,
    };
    const nodes = [1, 2].map((number) => ({
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: `node-${number}` },
      status: { addresses: [{ type: "InternalIP", address: `10.9.0.${number}` }] },
    }));
    const urls = directors.map(({ url }) => url);
    await cluster.apply({ apiVersion: "v1", kind: "List", items: [...rights(urls), pool, ...nodes] });
    replica = await lead();
  });
  after(async () => {
    await replica.stop();
    for (const director of directors) await director.down();
    trust.remove();
    await cluster.kubectl(["delete", "node", "node-1", "node-2"]);
    await cluster.kubectl(["delete", "configmap", "public", "-n", "heye-system"]);
    const objects = { apiVersion: "v1", kind: "List", items: rights(["https://lb1"]) };
    await cluster.kubectl(["delete", "-f", "-"], JSON.stringify(objects));
  });
  beforeEach(async () => {
    namespace = await cluster.namespace();
  });
  afterEach(async () => {
    await cluster.kubectl(["delete", "services", "--all", "-n", namespace, "--timeout=60s"]);
    await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  });

  /** A controller that leads, and knows what directors have. */
  const lead = async () => {
    const made = await Replica.lead(await cluster.accountConfig(), ...trust.args(...directors));
    const up = /^heye_kubernetes_director_up\{.*\} 1$/gm;
    await until(
      "directors answer",
      async () => (await made.get("/metrics")).text.match(up)?.length === directors.length,
    );
    return made;
  };
  const apply = (objects: object) => cluster.apply(objects, "-n", namespace);
  const read = (name: string) => cluster.get(serviceObject, namespace, "service", name);
  const ips = async (name: string) => (await read(name)).status.loadBalancer.ingress.map(({ ip }) => ip);
  const untilLines = (director: DirectorSite | undefined, lines: readonly string[]) =>
    until(
      `the table is ${JSON.stringify(lines)}`,
      async () => JSON.stringify(director?.lines) === JSON.stringify(lines),
      () => [director?.lines, replica.log.slice(-10)],
    );
  const everywhere = async (lines: readonly string[]) => {
    for (const director of directors) await untilLines(director, lines);
  };
  const untilServed = async (name: string) => {
    await until(
      `${name} has an address`,
      async () => (await ips(name)).length > 0,
      () => replica.log.slice(-10),
    );
    return (await ips(name))[0];
  };
  const untilSaid = (name: string, words: RegExp) =>
    until(
      `${name} is told ${words}`,
      async () => words.test((await read(name)).metadata.annotations["heye.io/status"] ?? ""),
      () => replica.log.slice(-10),
    );
  const line = (address: string, ...servers: readonly string[]) => [
    `-A -t ${address}:80 -s wlc`,
    ...servers.map((server) => `-a -t ${address}:80 -r ${server} -m -w 1`),
  ];

  it("a Service gets an address and virtual servers, follows its endpoints, and goes without a trace", async () => {
    await apply(slice("web", ["10.8.0.1", "10.8.0.2"]));
    await apply(balanced("web", ENDPOINTS));
    assert.equal(await untilServed("web"), "192.0.2.10");
    await everywhere(line("192.0.2.10", "10.8.0.1:8080", "10.8.0.2:8080"));
    await apply(slice("web", ["10.8.0.2"], ["10.8.0.1"]));
    await everywhere(line("192.0.2.10", "10.8.0.2:8080"));
    // Its finalizer and claims, and its address: nothing else was written.
    assert.equal(cluster.writeCount(namespace), 2);
    assert.deepEqual(
      (await read("web")).metadata.finalizers.filter((one) => one.startsWith("heye")),
      ["heye.io/ipvs"],
    );
    const reasons = (await cluster.events(namespace)).map(({ reason }) => reason);
    assert.ok(reasons.includes("AddressGiven"), String(reasons));
    await cluster.kubectl(["delete", "service", "web", "-n", namespace, "--timeout=60s"]);
    await everywhere([]);
  });

  it("node ports of all nodes, or with Local of those that have a ready endpoint", async () => {
    await apply(slice("web", ["10.8.0.2"]));
    await apply(balanced("web"));
    await untilServed("web");
    const port = (await read("web")).spec.ports[0]?.nodePort;
    await everywhere(line("192.0.2.10", `10.9.0.1:${port}`, `10.9.0.2:${port}`));
    const patch = '{"spec":{"externalTrafficPolicy":"Local"}}';
    await cluster.kubectl(["patch", "service", "web", "-n", namespace, "-p", patch]);
    await everywhere(line("192.0.2.10", `10.9.0.2:${port}`));
    const type = '{"spec":{"type":"ClusterIP","externalTrafficPolicy":null}}';
    await cluster.kubectl(["patch", "service", "web", "-n", namespace, "-p", type]);
    await everywhere([]);
    await until("it is nobody's any more", async () => {
      const { metadata, status } = await read("web");
      const { finalizers } = metadata;
      return status.loadBalancer.ingress.length === 0 && !finalizers.includes("heye.io/ipvs");
    });
  });

  it("a director that was away is caught up, also with what was deleted meanwhile", async () => {
    const [first, second] = directors;
    await apply(slice("old", ["10.8.0.1"]));
    await apply(balanced("old", ENDPOINTS));
    assert.equal(await untilServed("old"), "192.0.2.10");
    await everywhere(line("192.0.2.10", "10.8.0.1:8080"));
    await second?.stop();
    await apply(slice("new", ["10.8.0.3"]));
    await apply(balanced("new", ENDPOINTS));
    assert.equal(await untilServed("new"), "192.0.2.11");
    await cluster.kubectl(["delete", "service", "old", "-n", namespace, "--wait=false"]);
    await untilLines(first, line("192.0.2.11", "10.8.0.3:8080"));
    assert.deepEqual(second?.lines, line("192.0.2.10", "10.8.0.1:8080"));
    assert.ok((await read("old")).metadata.finalizers.includes("heye.io/ipvs"));
    await second?.start();
    await everywhere(line("192.0.2.11", "10.8.0.3:8080"));
    await cluster.kubectl(["wait", "--for=delete", "service/old", "-n", namespace, "--timeout=60s"]);
  });

  it("what others have declared is not touched: its address is given to nobody, and refused to who asks for it", async () => {
    const [first] = directors;
    const foreign = {
      address: "192.0.2.10",
      port: 80,
      scheduler: "rr",
      realServers: [{ address: "10.7.0.1", port: 80 }],
    };
    const made = await first?.api.post("/v1/virtual-servers", { body: foreign });
    assert.equal(made?.status, 201);
    const theirs = ["-A -t 192.0.2.10:80 -s rr", "-a -t 192.0.2.10:80 -r 10.7.0.1:80 -m -w 1"];
    await replica.stop();
    replica = await lead();
    await apply(balanced("probe", { "heye.io/addresses": "192.0.2.10" }));
    await untilSaid("probe", /192\.0\.2\.10 is in use/);
    await apply(slice("web", ["10.8.0.1"]));
    await apply(balanced("web", ENDPOINTS));
    assert.equal(await untilServed("web"), "192.0.2.11");
    await untilLines(first, [...theirs, ...line("192.0.2.11", "10.8.0.1:8080")].sort());
    assert.deepEqual(await ips("probe"), []);
    // One that comes at the same time as the Service, before the controller has looked again.
    const late = { ...foreign, address: "192.0.2.12" };
    assert.equal((await first?.api.post("/v1/virtual-servers", { body: late }))?.status, 201);
    await apply(balanced("late", { "heye.io/addresses": "192.0.2.12" }));
    await untilSaid("late", /192\.0\.2\.12 is in use|another virtual server tcp-192\.0\.2\.12-80/);
    const alsoTheirs = theirs.map((one) => one.replace("192.0.2.10", "192.0.2.12"));
    theirs.push(...alsoTheirs);
    theirs.sort();
    await cluster.kubectl(["delete", "services", "--all", "-n", namespace, "--timeout=60s"]);
    await untilLines(first, theirs);
    for (const address of ["192.0.2.10", "192.0.2.12"])
      await first?.api.remove(`/v1/virtual-servers/tcp-${address}-80?drain-ms=0`);
  });

  it("an exhausted pool and a bad annotation are told of; a server that does not answer is left out", async () => {
    for (const name of ["a", "b", "c"]) {
      await apply(balanced(name, ENDPOINTS));
      await untilServed(name);
    }
    await apply(balanced("late", ENDPOINTS));
    await until("it is told", async () =>
      (await cluster.events(namespace)).some(
        ({ name, message }) => name === "late" && /no pool has an IPv4 address left/.test(message),
      ),
    );
    for (const { servers } of directors) servers.down.add("10.8.0.4:8080");
    const check = '{"type":"tcp","intervalMs":100,"timeoutMs":100,"deadlineMs":500}';
    await apply(balanced("a", { ...ENDPOINTS, "heye.io/health-check": check }));
    await apply(slice("a", ["10.8.0.3", "10.8.0.4"]));
    const address = (await ips("a"))[0] ?? "";
    const has = (server: string) =>
      directors.every(({ lines }) => lines.some((one) => one.includes(`${address}:80 -r ${server}`)));
    await until(
      "the one that answers is in",
      async () => has("10.8.0.3:8080"),
      () => [directors[0]?.lines, replica.log.slice(-5)],
    );
    assert.ok(!has("10.8.0.4:8080"));
    await apply(balanced("a", { ...ENDPOINTS, "heye.io/health-check": check, "heye.io/scheduler": "best" }));
    await until(
      "the bad one is told",
      async () =>
        (await read("a")).metadata.annotations["heye.io/status"]?.includes("heye.io/scheduler") === true,
    );
    assert.ok(has("10.8.0.3:8080"));
  });

  // kubernetes#136316
  it("a status that somebody else clears is written again, and the two do not take turns as fast as they can", async () => {
    await apply(balanced("web", ENDPOINTS));
    const address = await untilServed("web");
    const clear = ["patch", "service", "web", "-n", namespace, "--subresource=status", "--type=merge"];
    for (let round = 0; round < 20; round++)
      await cluster.kubectl([...clear, "-p", '{"status":{"loadBalancer":{"ingress":null}}}']);
    assert.ok(cluster.writeCount(namespace) < 10, `${cluster.writeCount(namespace)} writes`);
    assert.equal(await untilServed("web"), address);
  });

  it("a Service follows its endpoints while a director waits for a server of another one", async () => {
    for (const { servers } of directors) servers.down.add("10.8.0.4:8080");
    // Far longer than the rest of this test takes.
    const check = '{"type":"tcp","intervalMs":1000,"timeoutMs":100,"deadlineMs":600000}';
    await apply(slice("slow", ["10.8.0.4"]));
    await apply(balanced("slow", { ...ENDPOINTS, "heye.io/health-check": check }));
    await untilServed("slow");
    await apply(slice("web", ["10.8.0.1"]));
    await apply(balanced("web", ENDPOINTS));
    const address = (await untilServed("web")) ?? "";
    await everywhere(line(address, "10.8.0.1:8080"));
    await apply(slice("web", ["10.8.0.2"], ["10.8.0.1"]));
    await everywhere(line(address, "10.8.0.2:8080"));
    for (const { servers } of directors) servers.down.clear();
  });

  it("another leader changes nothing at directors", async () => {
    await apply(slice("web", ["10.8.0.1"]));
    await apply(balanced("web", ENDPOINTS));
    const address = (await untilServed("web")) ?? "";
    await everywhere(line(address, "10.8.0.1:8080"));
    await replica.stop();
    replica = await lead();
    await apply(slice("web", ["10.8.0.1", "10.8.0.2"]));
    await everywhere(line(address, "10.8.0.1:8080", "10.8.0.2:8080"));
    assert.deepEqual(await ips("web"), [address]);
    assert.equal(cluster.writeCount(namespace), 2);
  });

  // metallb#615, kube-vip#867: addresses were withdrawn when the API server was away.
  // kube-router#810 and #2162: liveness asked for the API server or for success, so what worked was killed again and again.
  it("an API server that is away takes no address away, whatever becomes of the controller; servers go on being checked", async () => {
    const check = '{"type":"tcp","intervalMs":100,"timeoutMs":100,"deadlineMs":5000}';
    await apply(slice("web", ["10.8.0.1", "10.8.0.2"]));
    await apply(balanced("web", { ...ENDPOINTS, "heye.io/health-check": check }));
    const address = (await untilServed("web")) ?? "";
    const lines = line(address, "10.8.0.1:8080", "10.8.0.2:8080");
    await everywhere(lines);
    const config = await cluster.accountConfig();
    const written = cluster.writeCount(namespace);
    const [first, second] = directors;
    await cluster.plane.killApiServer();
    await second?.stop();
    // It is renewed every 2 s, and runs out after 15 s.
    const failed = () => replica.log.filter(({ event }) => event === "lease").length;
    await until("the Lease has run out", () => failed() > 7);
    for (const path of ["/healthz", "/readyz"]) assert.equal((await replica.get(path)).status, 200, path);
    for (const director of directors) assert.deepEqual(director.lines, lines);
    assert.equal(await replica.stop(), 0, "it was alive all the while");
    for (const { servers } of directors) servers.down.add("10.8.0.1:8080");
    const without = line(address, "10.8.0.1:8080", "10.8.0.2:8080");
    without[1] = without[1]?.replace("-w 1", "-w 0") ?? "";
    await untilLines(first, without);
    assert.deepEqual(second?.lines, lines);
    await second?.start();
    await everywhere(without);
    for (const { servers } of directors) servers.down.clear();
    await everywhere(lines);
    const late = Replica.start(config, ...trust.args(...directors));
    await cluster.plane.startApiServer();
    replica = await late;
    await replica.leads();
    assert.deepEqual(await ips("web"), [address]);
    assert.equal(cluster.writeCount(namespace), written);
  });
});

describe("a controller without directors", () => {
  it("says of a Service of our class that nobody serves it, once, and writes nothing", async () => {
    const cluster = await Cluster.shared();
    const namespace = await cluster.namespace();
    const replica = await Replica.lead(await cluster.accountConfig());
    await cluster.apply(balanced("web"), "-n", namespace);
    await until("it is told", async () => (await cluster.events(namespace)).length > 0);
    await cluster.kubectl(["label", "service", "web", "-n", namespace, "seen=again"]);
    await cluster.apply(balanced("other"), "-n", namespace);
    await until("the other one is told", async () =>
      (await cluster.events(namespace)).some(({ name }) => name === "other"),
    );
    const told = (await cluster.events(namespace)).map(({ name, reason }) => `${name} ${reason}`).sort();
    assert.deepEqual(told, ["other NoDirectors", "web NoDirectors"]);
    assert.equal(cluster.writes(namespace).length, 0);
    await replica.stop();
    await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  });
});
