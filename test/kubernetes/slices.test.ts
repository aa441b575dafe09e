import assert from "node:assert/strict";
import { Cluster } from "./cluster";
import { managedSlice, service, sliceConditions, sliceReadiness, statusOf, untilOut } from "./objects";
import { Replica } from "./replica";
import { addresses, RealServer } from "./servers";
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
