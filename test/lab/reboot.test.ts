import assert from "node:assert/strict";
import { Fleet, handlerFor } from "../../provider";
import { Site } from "./site";

describe("a director that reboots", () => {
  let site: Site;
  before(async () => {
    site = await Site.up({ directors: 2, servers: 2, database: false });
  });
  after(() => site?.down());

  it("has its settings and entries again when its sshd answers, if its cluster wants them restored", async () => {
    const { directors } = site.cluster;
    const declared = {
      ...{ name: "test", label: "tests Cluster test", directors: [...directors] },
      ...{ settings: { sloppyTcp: true }, timeouts: { tcpS: 1000 }, restoreAtBoot: true },
    };
    const before = handlerFor("Cluster", site.fleet);
    const { inputs, problems } = before.check(declared);
    assert.deepEqual(problems, []);
    const made = await before.create(inputs);
    const web = site.inputs("VirtualServer", {
      name: "web",
      cluster: { ...site.cluster, id: made.id },
      address: "192.0.2.10",
      port: 80,
      scheduler: "mh",
      schedulerFlags: ["mh-fallback"],
      healthCheck: { type: "none" },
      realServers: [{ address: site.address("rs1"), weight: 3 }, { address: site.address("rs2") }],
    });
    const service = await handlerFor("VirtualServer", site.fleet).create(web);
    const [whole] = await site.tables();
    await site.fleet.close();

    await site.lab.fault.rebootDirector("d1");

    assert.equal(await site.table("d1"), whole);
    assert.equal(await site.on("d1", "cat", "/proc/sys/net/ipv4/vs/sloppy_tcp"), "1\n");
    assert.match(await site.on("d1", "ipvsadm", "-L", "--timeout"), /: 1000 \d+ \d+\n/);
    const report = await site.lab.traffic({ url: "http://192.0.2.10/", requests: 40 });
    assert.deepEqual(report.errors, {});
    // The next run of the provider finds nothing to repair, and takes it all back.
    const fleet = new Fleet();
    try {
      const [clusters, services] = [handlerFor("Cluster", fleet), handlerFor("VirtualServer", fleet)];
      assert.equal((await clusters.read(made.id, made.outputs))?.outputs.drift, undefined);
      assert.equal((await services.read(service.id, service.outputs))?.outputs.drift, undefined);
      await services.delete(service.id, service.outputs);
      await clusters.delete(made.id, made.outputs);
    } finally {
      await fleet.close();
    }
    await site.expectEmpty();
  });
});
