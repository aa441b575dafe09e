import assert from "node:assert/strict";
import { Cluster } from "./cluster";
import { service, untilOut, v1Endpoints } from "./objects";
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

  it("one that ends in order hands over at once, and the next one writes nothing", async () => {
    const first = await Replica.lead(config);
    const second = await Replica.start(config);
    await untilOut(cluster, namespace, "web", down());
    assert.equal(second.has("lead"), false);
    const written = cluster.writeCount(namespace);
    assert.equal(await first.stop(), 0);
    await second.leads();
    const before = servers[0]?.requests ?? 0;
    await until("it has asked often", () => (servers[0]?.requests ?? 0) > before + 10);
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
    await second.leads();
    await untilOut(cluster, namespace, "web", [places[0] ?? "", places[3] ?? ""]);
    assert.ok(cluster.writeCount(namespace) <= written + 2, "one write for each, or one for both");
    await back.die();
    await second.stop();
  });

  it("one that was stopped in the middle writes nothing when it wakes up and another one leads", async () => {
    const first = await Replica.lead(config);
    await untilOut(cluster, namespace, "web", down());
    first.signal("SIGSTOP");
    const second = await Replica.start(config);
    await second.leads();
    await servers[1]?.die();
    await untilOut(cluster, namespace, "web", [...down(), places[1] ?? ""]);
    const written = cluster.writes(namespace).length;
    first.signal("SIGCONT");
    await until("the first one follows", () => first.has("follow"));
    assert.equal(cluster.writes(namespace).length, written);
    await first.stop();
    await second.stop();
  });
});
