import assert from "node:assert/strict";
import { service, v1Endpoints } from "../kubernetes/objects";
import { until } from "../kubernetes/until";
import { KubernetesSite } from "./kubernetes-site";
import { QUICK, Site } from "./site";

/** Asks often, and is patient with this busy host. */
const CHECK = { "heye.io/health-check": '{"type":"http","intervalMs":200,"timeoutMs":5000}' };
const NAMES = ["rs1", "rs2", "rs3"];

/** What kube-proxy is told to leave alone: where HeYe's own virtual servers are. */
const OURS = "192.0.2.128/25";

describe("kube-proxy in IPVS mode on directors", function () {
  this.slow(60_000);
  let site: Site;
  let kubernetes: KubernetesSite;

  before(async () => {
    site = await Site.up({ directors: 2, servers: NAMES.length, database: false });
    kubernetes = await KubernetesSite.beside(site.lab);
    for (const director of site.directorNames)
      await kubernetes.proxy(director, `--ipvs-exclude-cidrs=${OURS}`);
    await kubernetes.controller("d2");
  });

  after(async () => {
    await kubernetes?.down();
    await site?.down();
  });

  const everywhere = async (address: string, names: readonly string[]) => {
    const servers = names.map((name) => `${site.address(name)}:80`);
    for (const director of site.directorNames)
      await kubernetes.untilTakers(director, `${address}:80`, servers);
  };

  /** A Service of its own at an address, with servers of the lab. */
  const publish = async (name: string, clusterIP: string, names: readonly string[]) => {
    const made = service(name);
    const places = names.map((one) => site.address(one));
    const items = [{ ...made, spec: { ...made.spec, clusterIP } }, v1Endpoints(name, places, CHECK)];
    await kubernetes.cluster.apply({ apiVersion: "v1", kind: "List", items }, "-n", "default");
    await everywhere(clusterIP, names);
  };

  /** The servers that answer at an address. */
  const answering = async (address: string) =>
    [...(await site.requests(`http://${address}/`, 30)).keys()].sort();

  it("a server that ends leaves every kernel's table and gets no connection, and comes back", async () => {
    await publish("web", "192.0.2.10", NAMES);
    assert.deepEqual(await answering("192.0.2.10"), NAMES);
    await site.lab.fault.stopService("rs2", "http");
    await everywhere("192.0.2.10", ["rs1", "rs3"]);
    assert.deepEqual(await answering("192.0.2.10"), ["rs1", "rs3"]);
    await site.lab.fault.startService("rs2", "http");
    await everywhere("192.0.2.10", NAMES);
    assert.deepEqual(await answering("192.0.2.10"), NAMES);
  });

  it("it deletes addresses that it does not know, but where it is told to leave them, and no firewall marks", async () => {
    const made = await site.create("VirtualServer", {
      name: "ours",
      address: "192.0.2.200",
      port: 80,
      scheduler: "wrr",
      healthCheck: { type: "http", ...QUICK },
      realServers: [{ address: site.address("rs1") }, { address: site.address("rs3") }],
    });
    const ours = (await site.table("d1")).split("\n").filter((line) => line.includes("192.0.2.200:80"));
    assert.equal(ours.length, 3);
    await site.on("d1", "ipvsadm", "-A", "-t", "192.0.2.50:80", "-s", "wrr");
    await site.on("d1", "ipvsadm", "-A", "-f", "7", "-s", "wrr");
    // Any change makes it write the whole table again.
    await publish("other", "192.0.2.11", ["rs1"]);
    await until(
      "the foreign address is gone",
      async () => !(await site.table("d1")).includes("192.0.2.50:80"),
      () => site.table("d1"),
    );
    const left = (await site.table("d1")).split("\n");
    assert.ok(left.includes("-A -f 7 -s wrr"), left.join("\n"));
    for (const line of ours) assert.ok(left.includes(line), line);
    assert.deepEqual(await answering("192.0.2.200"), ["rs1", "rs3"]);
    await site.on("d1", "ipvsadm", "-D", "-f", "7");
    await made.close();
  });
});
