import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Cluster } from "./cluster";
import { service, v1Endpoints } from "./objects";
import { Replica } from "./replica";
import { acceptOn } from "./servers";
import { until } from "./until";

after(() => Cluster.stopShared());

const SERVICES = 500;
const ADDRESSES = 20;

describe("500 Services with 20 addresses each", function () {
  this.slow(120_000).timeout(300_000);

  it("are checked; servers of one Service that change together share a write", async () => {
    const cluster = await Cluster.shared();
    const namespace = await cluster.namespace();
    const port = 8_080;
    const server = await acceptOn("0.0.0.0", port);
    const annotations = {
      "heye.io/health-check": '{"type":"tcp","intervalMs":5000,"timeoutMs":4000,"rise":1,"fall":1}',
    };
    const items = Array.from({ length: SERVICES }, (_, index) => {
      const places = Array.from(
        { length: ADDRESSES },
        (_, host) => `10.77.${index % 250}.${(host % 100) + 1 + 100 * Math.floor(index / 250)}`,
      );
      const ports = [{ name: "tcp", port }];
      return [service(`s${index}`, ports), v1Endpoints(`s${index}`, places, annotations, ports)];
    }).flat();
    await cluster.apply({ apiVersion: "v1", kind: "List", items }, "-n", namespace, "--server-side");
    const replica = await Replica.lead(await cluster.accountConfig(), "--namespace", namespace);
    const metric = (name: string) => replica.metric(`heye_kubernetes_${name}`);
    const total = SERVICES * ADDRESSES;
    await until("all are asked", async () => (await metric("checks_total")) >= 2 * total);
    assert.equal(await metric("objects"), SERVICES);
    assert.equal(await metric("probes"), total);
    assert.equal(cluster.writeCount(namespace), 0);
    server.close();
    await until("all are out", async () => (await metric("servers_down_total")) === total);
    const down = cluster.writeCount(namespace);
    const again = await acceptOn("0.0.0.0", port);
    await until("all are back", async () => (await metric("servers_up_total")) === total);
    const up = cluster.writeCount(namespace) - down;
    const memory = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${replica.pid}/status`, "utf8"))?.[1];
    console.log(
      `      ${down} writes out, ${up} writes back, for ${total} transitions each; ${Math.round(Number(memory) / 1024)} MB resident`,
    );
    // Checks of one Service's servers are spread over the interval, so their transitions come apart.
    assert.ok(down < total / 2 && up < total / 2, `${down} ${up}`);
    assert.equal(await metric("writes_total"), down + up);
    await until("nothing waits any more", async () => (await metric("writes_pending")) === 0);
    assert.equal(await metric("writes_total"), down + up);
    again.close();
    await replica.stop();
    await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  });
});
