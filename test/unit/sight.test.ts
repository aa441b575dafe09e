import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { faultsOf } from "../../agent/readiness";
import { earlyRoutes } from "../../agent/routes";
import { listen } from "../../agent/server";
import { putVirtualServer } from "../../director";
import { ask } from "./agent-http";
import { AgentSite, virtualServer } from "./agent-site";
import { LoopbackServer } from "./loopback-server";

const ME = { id: "me-1", label: "shop/prod Cluster edge" };
const KEY = "tcp 192.0.2.1:80";

describe("what is seen of an agent", () => {
  let site: AgentSite;
  let server: LoopbackServer;
  const put = (settings: Parameters<typeof virtualServer>[1] = {}, count = 1) => {
    const members = Array.from({ length: count }, (_, index) => ({
      ...server.member,
      port: server.port + index,
    }));
    const wanted = virtualServer(members, { healthCheck: { type: "none" } as never, ...settings });
    return site.director().change(putVirtualServer(ME, KEY, wanted, { known: false }));
  };
  const get = async (path: string, options: Parameters<typeof ask>[2] = {}) => {
    const { status, text } = await ask(site.socket, path, options);
    return { status, body: JSON.parse(text) };
  };

  beforeEach(async () => {
    [site, server] = [await AgentSite.up(), await LoopbackServer.up()];
  });
  afterEach(async () => {
    await site.down();
    await server.kill();
  });

  it("is ready unless the director itself is at fault", async () => {
    assert.deepEqual(await get("/readyz"), { status: 200, body: { ready: true } });
    await put();
    assert.equal((await get("/readyz")).status, 200, "right after its first virtual server");
    site.kernel.set("");
    await site.keeper.reconcile();
    assert.equal((await get("/readyz")).status, 200, "it has filled its table again");
    const read = site.kernel.read.bind(site.kernel);
    site.kernel.read = () => Promise.reject(new Error("no ip_vs"));
    await site.keeper.reconcile();
    const unreadable = await get("/readyz");
    assert.equal(unreadable.status, 503);
    assert.match(unreadable.body.detail, /unreadable: no ip_vs/);
    assert.equal((await get("/healthz")).status, 503);
    site.kernel.read = read;
    site.kernel.set("");
    site.kernel.write = async () => "Memory allocation problem";
    await site.keeper.reconcile();
    assert.match((await get("/readyz")).body.detail, /no table/);
  });

  it("stays ready for what others see too, and tells it", async () => {
    await put({ driftPolicy: "report" });
    await site.keeper.reconcile();
    site.kernel.set(site.kernel.lines.join("\n").replace("-w 3", "-w 9"));
    await site.keeper.reconcile();
    const { status, body } = await get("/healthz");
    assert.equal(status, 200);
    assert.deepEqual(body.alarms, [{ alarm: "drift", detail: "1 entries differ from what is declared" }]);
    site.kernel.write = async () => "Memory allocation problem";
    await put({ driftPolicy: "report" }, 2).catch(() => undefined);
    await site.keeper.reconcile();
    assert.equal((await get("/readyz")).status, 200, "a table that is not as declared still forwards");
  });

  it("is left out in maintenance, over restarts, until told otherwise", async () => {
    const began = await get("/v1/maintenance", { method: "PUT", body: '{"reason":"new\\nmemory"}' });
    assert.equal(began.body.reason, "new memory");
    assert.match((await get("/readyz")).body.detail, /^maintenance: new memory$/);
    assert.equal((await get("/healthz")).status, 200);
    await site.stop();
    await site.start();
    assert.equal((await get("/readyz")).status, 503);
    const { maintenance, ready, alarms } = (await get("/v1/status")).body;
    assert.deepEqual([maintenance, ready], [began.body, false]);
    assert.equal(alarms[0].alarm, "maintenance");
    await get("/v1/maintenance", { method: "DELETE" });
    assert.equal((await get("/readyz")).status, 200);
    assert.equal((await get("/v1/maintenance", { method: "PUT", body: '{"reason":7}' })).status, 400);
  });

  it("counts a note of maintenance that nobody can read", async () => {
    await get("/v1/maintenance", { method: "PUT" });
    const file = join(site.folder, "agent", "maintenance.json");
    assert.ok(readFileSync(file, "utf8").length > 0);
    await site.stop();
    writeFileSync(file, '{"since":');
    await site.start();
    assert.equal((await get("/readyz")).status, 503);
  });

  it("is ready while it starts, and answers nothing else: a restart withdraws no director", async () => {
    const socket = join(site.folder, "early.sock");
    const starting = await listen(
      socket,
      () => undefined,
      site.log,
      () => undefined,
      earlyRoutes(site.sight),
    );
    try {
      assert.equal((await ask(socket, "/readyz")).status, 200);
      assert.equal((await ask(socket, "/readyz", { method: "HEAD" })).status, 200);
      assert.equal((await ask(socket, "/v1/status")).status, 503);
    } finally {
      starting.close();
    }
    assert.deepEqual(faultsOf(undefined, undefined), []);
    assert.equal(faultsOf(undefined, { since: 0, reason: "" })[0]?.fault, "maintenance");
  });

  it("says where a flow goes, and what it cannot know", async () => {
    await put({ scheduler: "mh", schedulerFlags: ["mh-port"] }, 4);
    const ask = (client: string, to = "192.0.2.1:80") =>
      get(`/v1/flow?${new URLSearchParams({ client, to })}`);
    const chosen = new Set<string>();
    for (let port = 40_000; port < 40_064; port++) {
      const { body } = await ask(`198.51.100.7:${port}`);
      assert.deepEqual([body.length, body[0].service, body[0].buckets], [1, KEY, 4_093]);
      chosen.add(body[0].server);
    }
    assert.equal(chosen.size, 4);
    assert.equal((await ask("198.51.100.7:1", "192.0.2.9:80")).status, 404);
    assert.match((await ask("198.51.100.7")).body.detail, /client: expected ADDRESS:PORT/);
    assert.match((await ask("[2001:db8::1]:5")).body.detail, /one family/);
    await put({ scheduler: "wlc" }, 4);
    const [flow] = (await ask("198.51.100.7:1")).body;
    assert.equal(flow.server, undefined);
    assert.equal(flow.candidates.length, 4);
  });

  it("tells virtual servers that are chosen for in another way by their digests", async () => {
    await put({ scheduler: "mh" }, 3);
    const seen = async () => (await get("/v1/status")).body;
    const before = await seen();
    assert.match(before.services[0].digest, /^[0-9a-f]{12}$/);
    // The same lines; entered in another order.
    const limits = site.kernel.limits.bind(site.kernel);
    site.kernel.limits = async () =>
      new Map([...(await limits())].map(([key, all]) => [key, new Map([...all].reverse())] as const));
    await site.stop();
    await site.start();
    const after = await seen();
    assert.equal(after.digests.table, before.digests.table);
    assert.notEqual(after.digests.choice, before.digests.choice);
  });
});
