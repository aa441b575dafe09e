import assert from "node:assert/strict";
import { QUICK, Site } from "./site";

const TUPLES = 48;

/** Asks once from each of so many source ports and prints the answers, one a line. Resets, so that ports are free at once. */
const ASK_FROM = `
const [host, count] = process.argv.slice(1);
const ask = (localPort) => new Promise((resolve, reject) => {
  const socket = require("node:net").connect({ host, port: 80, localPort });
  const timer = setTimeout(() => socket.destroy(new Error("no answer from port " + localPort)), 5000);
  let text = "";
  socket.on("error", reject).setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
    const [, name] = text.match(/\\r\\n\\r\\n(.+)\\n/) ?? [];
    if (!name) return;
    clearTimeout(timer);
    socket.off("error", reject).on("error", () => {}).resetAndDestroy();
    resolve(name);
  });
  socket.write("GET / HTTP/1.1\\r\\nHost: lab\\r\\n\\r\\n");
});
(async () => { for (let i = 0; i < Number(count); i++) console.log(await ask(20000 + i)); })();
`;

describe("the same packet gets the same server on every director", () => {
  let site: Site;
  before(async () => {
    site = await Site.up({ directors: 3, servers: 4, database: false });
  });
  after(() => site?.down());

  const pool = (...servers: [string, number][]) =>
    servers.map(([name, weight]) => ({ address: site.address(name), weight, drainMs: 0 }));

  /** What each of the fixed flows gets when only this director forwards. */
  const through = async (director: string): Promise<string[]> => {
    const others = site.directorNames.filter((name) => name !== director);
    for (const name of others) await site.lab.fault.killDirector(name);
    try {
      const argv = [process.execPath, "-e", ASK_FROM, "192.0.2.10", String(TUPLES)];
      const { code, stdout, stderr } = await site.lab.exec("client", argv);
      assert.equal(code, 0, stderr);
      return stdout.trim().split("\n");
    } finally {
      for (const name of others) await site.lab.fault.restoreDirector(name);
    }
  };

  // kube-router#1865 and #1860, katran#155: a lost director, or one that lacked a draining server, sent flows elsewhere.
  it("also on one whose table was lost, after servers came, went to weight 0 and changed", async () => {
    const made = await site.create("VirtualServer", {
      name: "web",
      address: "192.0.2.10",
      port: 80,
      scheduler: "mh",
      schedulerFlags: ["mh-fallback", "mh-port"],
      healthCheck: { type: "tcp", ...QUICK },
      realServers: pool(["rs3", 1], ["rs1", 2]),
    });
    await made.update({ realServers: pool(["rs3", 1], ["rs1", 2], ["rs4", 3]) });
    await made.update({ realServers: pool(["rs3", 1], ["rs1", 2], ["rs4", 3], ["rs2", 1]) });
    await made.update({ realServers: pool(["rs3", 1], ["rs1", 2], ["rs4", 0], ["rs2", 1]) });
    await site.on("d3", "ipvsadm", "-C");
    await made.update({});
    const [first, ...others] = await site.tables();
    for (const table of others) assert.equal(table, first);
    const chosen = await through("d1");
    assert.ok(new Set(chosen).size === 3 && !chosen.includes("rs4"), [...new Set(chosen)].join());
    assert.deepEqual(await through("d3"), chosen);
    assert.deepEqual(await through("d2"), chosen);
    await made.close();
  });
});
