import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { handlerFor } from "../../provider";
import type { ClusterHandle } from "../../provider/fleet";
import type { Properties, ResourceHandler } from "../../provider/handler";
import { LabEtcd } from "./lab-etcd";
import { Site } from "./site";
import { WitnessedLoad } from "./witnessed-load";

const COMMAND = "/var/lib/heye/agent/heye-agent";
const WEB = "192.0.2.10:80";
const URL = `http://${WEB}/`;
const HTTP = {
  type: "http",
  path: "/health",
  ...{ intervalMs: 200, timeoutMs: 4_000, rise: 2, fall: 3, deadlineMs: 15_000 },
};
/** Longer than a member of etcd takes to be asked in vain. */
const PATIENCE_MS = 40_000;
/** No part of a pool here: etcd runs on it. */
const STORE = "rs4";

describe("directors that share an etcd, on a kernel with IPVS", () => {
  let site: Site;
  let clusters: ResourceHandler;
  let services: ResourceHandler;
  let cluster: { id: string; state: Properties };
  let web: { id: string; state: Properties };
  let store: LabEtcd;

  before(async function () {
    this.timeout(300_000);
    site = await Site.up({ directors: 3, servers: 4, database: false });
    clusters = handlerFor("Cluster", site.fleet);
    services = handlerFor("VirtualServer", site.fleet);
    store = await LabEtcd.up(site.lab, [STORE]);
  });
  after(() => site?.down());

  const eventually = async (what: string, isSo: () => Promise<boolean>) => {
    for (const end = Date.now() + PATIENCE_MS; !(await isSo()); await delay(250))
      assert.ok(Date.now() < end, `not in time: ${what}`);
  };
  const declared = (unreachable: "fail" | "skip" = "fail"): Properties => {
    const { inputs, problems } = clusters.check({
      ...{ name: "test", label: "tests Cluster test", mode: "agent", unreachable },
      directors: [...site.cluster.directors],
      settings: { ipForward: true, conntrack: true },
      etcd: { endpoints: store.endpoints, prefix: "/heye/lab" },
    });
    assert.deepEqual(problems, []);
    return inputs;
  };
  const webInputs = (names: readonly string[], unreachable: "fail" | "skip" = "fail"): Properties => {
    const handle: ClusterHandle = { ...site.cluster, id: cluster.id, mode: "agent", unreachable };
    const realServers = names.map((name) => ({ address: site.address(name), weight: 2 }));
    const place = { address: "192.0.2.10", port: 80, scheduler: "wrr", healthCheck: HTTP };
    return site.inputs("VirtualServer", { name: "web", cluster: handle, ...place, realServers });
  };
  const holds = async (director: string, weights: Readonly<Record<string, number>>) => {
    const lines = Object.entries(weights).map(
      ([name, weight]) => `-a -t 192.0.2.10:80 -r ${site.address(name)}:80 -m -w ${weight}`,
    );
    const wanted = ["-A -t 192.0.2.10:80 -s wrr", ...lines].sort().join("\n");
    await eventually(
      `${director} holds ${wanted}`,
      async () => (await site.table(director)).trim().split("\n").sort().join("\n") === wanted,
    );
  };
  const everywhere = (weights: Readonly<Record<string, number>>) =>
    Promise.all(site.directorNames.map((director) => holds(director, weights)));
  const check = async (director: string) =>
    (await site.lab.exec(director, [COMMAND, "store", "check"])).stdout;

  it("are told of it in a file that root alone may read, and follow what it holds", async () => {
    const { id, outputs } = await clusters.create(declared());
    cluster = { id, state: outputs };
    for (const name of site.directorNames)
      assert.equal(
        await site.on(name, "stat", "-c", "%a %U", "/var/lib/heye/agent/agent.json"),
        "600 root\n",
      );
    assert.equal(clusters.diff(outputs, declared()).changes, false);
    assert.deepEqual((await clusters.read(id, outputs))?.outputs.drift, undefined);
    const made = await services.create(webInputs(["rs1", "rs2"]));
    web = { id: made.id, state: made.outputs };
    await everywhere({ rs1: 2, rs2: 2 });
    for (const name of site.directorNames)
      assert.match(await check(name), /^revision 1, \d+ bytes.*it agrees with itself/s);
    assert.deepEqual((await site.lab.traffic({ url: URL, requests: 60 })).errors, {});
  });

  it("leave nobody behind for good who is cut off from it", async () => {
    await store.cut(["d3"], [STORE]);
    await assert.rejects(
      services.update(web.id, web.state, webInputs(["rs1", "rs2", "rs3"])),
      /d3.*HEYE_SHARED_STORE/s,
    );
    await everywhere({ rs1: 2, rs2: 2 });
    const outputs = await services.update(web.id, web.state, webInputs(["rs1", "rs3"], "skip"));
    web = { ...web, state: outputs };
    assert.match(JSON.stringify(outputs.behind), /d3/);
    for (const name of ["d1", "d2"]) await holds(name, { rs1: 2, rs3: 2 });
    await holds("d3", { rs1: 2, rs2: 2 });
    await store.mendAll();
    await everywhere({ rs1: 2, rs3: 2 });
  });

  it("forward, check and repair without it, and change nothing that is declared", async () => {
    const load = await WitnessedLoad.begin(site, WEB);
    await store.kill(STORE);
    await assert.rejects(
      services.update(web.id, web.state, webInputs(["rs1"])),
      /etcd \(http:.*HEYE_SHARED_STORE/s,
    );
    await eventually("its status says so", async () =>
      /ALARM: etcd lost/.test(await site.on("d1", COMMAND, "status")),
    );
    // Until here nobody has done anything that a client may notice.
    await load.expectUnnoticed();
    await site.on("d2", "ipvsadm", "-C");
    await everywhere({ rs1: 2, rs3: 2 });
    await site.lab.fault.setHealth("rs3", 503);
    await everywhere({ rs1: 2, rs3: 0 });
    await site.lab.fault.setHealth("rs3", 200);
    await everywhere({ rs1: 2, rs3: 2 });
    await store.mendAll();
    await eventually("it is followed again", async () =>
      /etcd following/.test(await site.on("d1", COMMAND, "status")),
    );
    web = { ...web, state: await services.update(web.id, web.state, webInputs(["rs1"])) };
    await everywhere({ rs1: 2 });
  });

  it("have it put back from a file", async () => {
    const file = "/root/registry.backup";
    assert.match(await site.on("d1", COMMAND, "store", "backup", file), /^revision \d+ is in \/root/);
    assert.equal(await site.on("d1", "stat", "-c", "%a", file), "600\n");
    web = { ...web, state: await services.update(web.id, web.state, webInputs(["rs1", "rs2"])) };
    await everywhere({ rs1: 2, rs2: 2 });
    await site.on("d1", COMMAND, "store", "restore", file);
    await everywhere({ rs1: 2 });
  });

  it("take their entries away together", async () => {
    await services.delete(web.id, web.state);
    for (const name of site.directorNames) assert.equal(await site.table(name), "");
    await clusters.delete(cluster.id, cluster.state);
    for (const name of site.directorNames)
      assert.equal(
        (await site.lab.exec(name, ["ls", "/var/lib/heye/agent"])).code,
        2,
        "its secrets are gone too",
      );
  });
});
