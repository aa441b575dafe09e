import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pino from "pino";
import { RegistryError, type Store } from "../../agent";
import { statusOf } from "../../agent/status";
import { AgentDownError, NotAppliedError, putVirtualServer, removeVirtualServer } from "../../director";
import { AgentSite, QUICK, until, virtualServer } from "./agent-site";
import { LoopbackServer as Server } from "./loopback-server";

const ME = { id: "me-1", label: "shop/prod Cluster edge" };
const KEY = "tcp 192.0.2.1:80";
const NEW = { known: false } as const;
const FOREIGN = "-A -t 192.0.2.99:80 -s lblc\n-a -t 192.0.2.99:80 -r 10.9.9.9:80 -m -w 7\n";

describe("an agent", () => {
  let site: AgentSite;
  let servers: Server[] = [];
  const serve = async (count: number) => {
    servers = await Promise.all(Array.from({ length: count }, () => Server.up()));
    servers.sort((a, b) => a.port - b.port);
    return servers as [Server, Server, ...Server[]];
  };
  const line = ({ port }: Server, weight: number) =>
    `-a -t 192.0.2.1:80 -r 127.0.0.1:${port} -m -w ${weight}`;
  const put = (wanted = virtualServer(servers.map(({ member }) => member)), manner = NEW) =>
    site.director().change(putVirtualServer(ME, KEY, wanted, manner));
  const expectLines = async (...lines: string[]) => {
    const wanted = [...lines].sort();
    await until(
      () => JSON.stringify(site.kernel.lines) === JSON.stringify(wanted),
      () => `${site.kernel.lines.join("\n")}\ninstead of\n${wanted.join("\n")}`,
    );
  };
  const registry = async () => (await site.director().read()).registry;

  beforeEach(async () => {
    site = await AgentSite.up((one) => one.kernel.set(FOREIGN));
  });
  afterEach(async () => {
    await site.down();
    await Promise.all(servers.map((server) => server.kill()));
    servers = [];
  });
  const foreign = FOREIGN.trim().split("\n");
  const service = "-A -t 192.0.2.1:80 -s rr";

  it("makes a change, and keeps what was declared in a file of the form that `ssh` mode has", async () => {
    const [a, b] = await serve(2);
    await put();
    await expectLines(...foreign, service, line(a, 3), line(b, 3));
    const owners = (await registry()).owners;
    assert.deepEqual(Object.keys(owners[ME.id]?.virtualServers ?? {}), [KEY]);
    await site.director().change(removeVirtualServer(ME, KEY, { resource: "web", token: "t1" }));
    await expectLines(...foreign);
    assert.deepEqual((await registry()).owners, {});
  });

  it("takes a server that died out of service, and puts it back when it is well; what is declared stays", async () => {
    const [a, b] = await serve(2);
    await put();
    const declared = await site.director().read();
    await a.kill();
    await expectLines(...foreign, service, line(a, 0), line(b, 3));
    const seen = await site.director().read();
    assert.deepEqual(seen.lines, declared.lines, "health is no drift");
    assert.deepEqual(seen.digests, declared.digests);
    await a.revive();
    await expectLines(...foreign, service, line(a, 3), line(b, 3));
  });

  it("holds a dead server for dead when the way of asking it changes", async () => {
    const [a, b] = await serve(2);
    await put();
    await a.kill();
    await expectLines(...foreign, service, line(a, 0), line(b, 3));
    const slower = { ...QUICK, rise: 100 } as typeof QUICK;
    const wanted = virtualServer(
      servers.map(({ member }) => member),
      { healthCheck: slower },
    );
    await put(wanted, { known: true } as never);
    await expectLines(...foreign, service, line(a, 0), line(b, 3));
    assert.equal(site.kernel.edits.filter((edit) => edit.kind === "edit-destination").length, 1);
  });

  // dpvs#920: who writes configuration and who writes health raced for a weight.
  it("takes out a server that dies while the kernel is being written for another one", async () => {
    const [a, b] = await serve(2);
    await put();
    const write = site.kernel.write.bind(site.kernel);
    site.kernel.write = async (edits) => {
      site.kernel.write = write;
      await b.kill();
      const { watch } = site.keeper.view.pools;
      const isDown = () => Object.keys(watch.down).length === 2;
      await until(isDown, () => "both are down");
      return write(edits);
    };
    await a.kill();
    await expectLines(...foreign, service, line(a, 0), line(b, 0));
  });

  // kubernetes#76664 and #71809, kube-router#899: flows that stayed with dead servers.
  it("takes a udp server out altogether, and puts it back as it was", async () => {
    const [a, b] = await serve(2);
    const members = servers.map(({ member }) => member);
    const check = { ...QUICK, port: a.port } as typeof QUICK;
    const udp = virtualServer(members, { protocol: "udp", healthCheck: check });
    const key = "udp 192.0.2.1:80";
    await site.director().change(putVirtualServer(ME, key, udp, NEW));
    const as = (text: string) => text.replace("-t ", "-u ");
    await expectLines(...foreign, as(service), as(line(a, 3)), as(line(b, 3)));
    await a.kill();
    await expectLines(...foreign, as(service));
    assert.equal((await site.director().read()).lines.length, 5, "told as it was declared");
    await a.revive();
    await expectLines(...foreign, as(service), as(line(a, 3)), as(line(b, 3)));
  });

  // keepalived#1781: persistent clients that stayed with dead servers.
  it("takes a server out altogether whose clients are to come back to it", async () => {
    const [a, b] = await serve(2);
    const members = servers.map(({ member }) => member);
    await put(virtualServer(members, { persistence: { timeoutS: 300, prefixLength: 32 } }));
    const persistent = `${service} -p 300`;
    await expectLines(...foreign, persistent, line(a, 3), line(b, 3));
    await a.kill();
    await expectLines(...foreign, persistent, line(b, 3));
  });

  it("gives all connections to the sorry server while the quorum is lost", async () => {
    const [a, b] = await serve(2);
    const sorryServer = { address: "10.0.0.250", port: 80, forwarding: "nat" } as const;
    const settings = { sorryServer, quorum: { weight: 6, hysteresis: 0 } };
    await put(
      virtualServer(
        servers.map(({ member }) => member),
        settings,
      ),
    );
    await expectLines(...foreign, service, line(a, 3), line(b, 3));
    await b.kill();
    const sorry = "-a -t 192.0.2.1:80 -r 10.0.0.250:80 -m -w 1";
    await expectLines(...foreign, service, line(a, 0), line(b, 0), sorry);
    assert.equal((await site.director().read()).lines.includes(sorry), false, "told as it was declared");
    await b.revive();
    await expectLines(...foreign, service, line(a, 3), line(b, 3));
  });

  it("goes on with the servers that are left where there is no sorry server", async () => {
    const [a, b] = await serve(2);
    await put(
      virtualServer(
        servers.map(({ member }) => member),
        { quorum: { weight: 6, hysteresis: 0 } },
      ),
    );
    await b.kill();
    await expectLines(...foreign, service, line(a, 3), line(b, 0));
  });

  // keepalived#1904 and #1877: what went astray once was never repaired.
  it("takes back what somebody else changed, counts it, and leaves what is not ours", async () => {
    const [a, b] = await serve(2);
    await put();
    const mine = [service, line(a, 3), line(b, 3)];
    await site.keeper.reconcile();
    site.kernel.set(`${foreign[0]}\n${service}\n${line(a, 9)}\n`);
    await site.keeper.reconcile();
    await expectLines(foreign[0] ?? "", ...mine);
    assert.equal(site.keeper.view.repairs, 2);
    site.kernel.set("");
    await site.keeper.reconcile();
    await expectLines(...mine);
  });

  // terraform-provider-bigip#1116: a member that was disabled by hand stayed so, and nobody was told.
  it("takes back that somebody disabled a server that is well: its checks say who is down, not the kernel", async () => {
    const [a, b] = await serve(2);
    await put();
    await site.keeper.reconcile();
    site.kernel.set(`${FOREIGN}${service}\n${line(a, 0)}\n${line(b, 3)}\n`);
    await site.keeper.reconcile();
    await expectLines(...foreign, service, line(a, 3), line(b, 3));
    assert.equal(site.keeper.view.repairs, 1);
  });

  it("tells what it took back from what followed from a server's health, when both come at once", async () => {
    const said: string[] = [];
    site.log = pino({ base: null }, { write: (one: string) => void said.push(one) });
    await site.stop();
    await site.start();
    const [a, b] = await serve(2);
    await put();
    await site.keeper.reconcile();
    said.length = 0;
    site.kernel.set(`${FOREIGN}${service}\n${line(a, 9)}\n${line(b, 3)}\n`);
    await b.kill();
    await expectLines(...foreign, service, line(a, 3), line(b, 0));
    await site.keeper.reconcile();
    const lacking = (one: string) => `virtual server ${KEY} lacks: ${one.replace("-a", "-e")}`;
    const edits = said.map((one) => JSON.parse(one)).filter(({ edits }) => edits !== undefined);
    assert.deepEqual(
      edits.map(({ event, shown }) => [event, shown]),
      [
        ["repair", [lacking(line(a, 3))]],
        ["settle", [lacking(line(b, 0))]],
      ],
    );
    assert.equal(site.keeper.view.repairs, 1);
  });

  it("takes back what somebody else changed while it was writing itself", async () => {
    const [a, b] = await serve(2);
    await put();
    const mine = [...foreign, service, line(a, 3), line(b, 3)];
    await site.keeper.reconcile();
    site.kernel.set(`${FOREIGN}${service}\n${line(a, 9)}\n${line(b, 3)}\n`);
    site.kernel.before = () => {
      site.kernel.before = () => undefined;
      site.kernel.set(`${FOREIGN}${service}\n${line(a, 9)}\n${line(b, 9)}\n`);
    };
    await site.keeper.reconcile();
    await site.keeper.reconcile();
    await expectLines(...mine);
  });

  it("tells a change as made when a server goes down while it is made", async () => {
    const [a, b] = await serve(2);
    await put();
    const { write } = site.kernel;
    site.kernel.write = async (edits) => {
      const said = await write.call(site.kernel, edits);
      site.kernel.write = write;
      await b.kill();
      await until(
        () => site.keeper.view.pools.watch.counters.transitions > 0,
        () => "the server was not missed",
      );
      return said;
    };
    await put(virtualServer([{ ...a.member, weight: 5 }, b.member]), { known: true } as never);
    await expectLines(...foreign, service, line(a, 5), line(b, 0));
  });

  it("edits nothing once it has ended: servers that it does not watch any more are not taken for healthy", async () => {
    const [a, b] = await serve(2);
    await put();
    await a.kill();
    await expectLines(...foreign, service, line(a, 0), line(b, 3));
    await site.stop();
    const edits = site.kernel.edits.length;
    await assert.rejects(site.keeper.reconcile(), /the agent ends/);
    assert.equal(site.kernel.edits.length, edits);
    await site.start();
  });

  // kubernetes#92019 and #108319: weights that stayed at 0 after a restart.
  it("goes on from what it knew when it is started again: a dead server stays out, a live one in", async () => {
    const [a, b] = await serve(2);
    await put();
    await a.kill();
    await expectLines(...foreign, service, line(a, 0), line(b, 3));
    await site.stop();
    const before = site.kernel.edits.length;
    await site.start();
    assert.equal(site.kernel.edits.length, before, "a restart edited the kernel");
    await site.stop();
    // As after a reboot.
    site.kernel.set("");
    await site.start();
    await expectLines(service, line(a, 0), line(b, 3));
    await a.revive();
    await expectLines(service, line(a, 3), line(b, 3));
  });

  it("believes the kernel where what it knew of health is lost", async () => {
    const [a, b] = await serve(2);
    await put();
    await a.kill();
    await expectLines(...foreign, service, line(a, 0), line(b, 3));
    await site.stop();
    for (const text of ["{ torn", '{"down":{"tcp":"yes"}}', '{"drains":[{"by":"somebody"}]}']) {
      writeFileSync(join(site.folder, "agent", "health.json"), text);
      await site.start();
      await expectLines(...foreign, service, line(a, 0), line(b, 3));
      await site.stop();
    }
    await site.start();
    await a.revive();
    await expectLines(...foreign, service, line(a, 3), line(b, 3));
  });

  it("refuses a change that was computed from another state, and says what it holds", async () => {
    await serve(2);
    const director = site.director();
    await director.read();
    site.kernel.set(`${FOREIGN}-A -t 192.0.2.98:80 -s rr\n`);
    // Computed anew from what the agent then told, so it goes through: nothing was overwritten unseen.
    await director.change(putVirtualServer(ME, KEY, virtualServer([]), NEW));
    await expectLines(...foreign, "-A -t 192.0.2.98:80 -s rr", service);
  });

  it("lets a change that takes over a foreign entry fail as without an agent", async () => {
    site.kernel.set(`${FOREIGN}${service}\n`);
    await assert.rejects(put(virtualServer([])), /already exists and belongs to no stack/);
    await expectLines(...foreign, service);
  });

  for (const point of ["begin", "write", "commit"] as const) {
    it(`ends a change after a crash at its ${point}, when it is started again`, async () => {
      const [a, b] = await serve(2);
      await site.stop();
      let crashed = true;
      const crash = () => {
        if (crashed) throw new Error("killed here");
      };
      await site.start({ store: (store) => (point === "write" ? store : crashing(store, point, crash)) });
      if (point === "write") site.kernel.before = crash;
      const answer = await put().then(
        () => "made",
        (error: Error) => error.message,
      );
      assert.match(answer, /killed here/);
      crashed = false;
      await site.stop();
      await site.start();
      const mine = [service, line(a, 3), line(b, 3)];
      await expectLines(...foreign, ...(point === "begin" ? [] : mine));
      assert.equal(Object.keys((await registry()).owners).length, point === "begin" ? 0 : 1);
      // The same again ends in the same.
      await put();
      await expectLines(...foreign, ...mine);
    });
  }

  it("drains a server that an operator names, until told otherwise, also over a restart", async () => {
    const [a, b] = await serve(2);
    await put();
    const name = `127.0.0.1:${a.port}`;
    assert.deepEqual(await site.keeper.drain(name, undefined, "start"), [KEY]);
    await expectLines(...foreign, service, line(a, 0), line(b, 3));
    const status = statusOf(site.keeper, { version: "test", startedAt: 0 });
    assert.deepEqual(status.services[0]?.servers[0]?.reasons, ["drained"]);
    assert.equal((await site.director().read()).lines.includes(line(a, 3)), true, "told as it was declared");
    await site.stop();
    await site.start();
    await expectLines(...foreign, service, line(a, 0), line(b, 3));
    await site.keeper.drain(name, undefined, "end");
    await expectLines(...foreign, service, line(a, 3), line(b, 3));
    assert.deepEqual(await site.keeper.drain("127.0.0.9:1", undefined, "start"), []);
  });

  it("ends the drain of a change that was killed: long after its time, so that whoever made it may take it back", async () => {
    const [a, b] = await serve(2);
    await put();
    const wanted = virtualServer([b.member]);
    const manner = { known: true, leaving: "drain", drainMsOf: () => 60_000 } as const;
    await site.director().change(putVirtualServer(ME, KEY, wanted, manner));
    await expectLines(...foreign, service, line(a, 0), line(b, 3));
    const drain = { service: KEY, server: `127.0.0.1:${a.port}`, startedAt: 0, by: "change" };
    const startWith = async (elapsedMs: number) => {
      await site.stop();
      const record = { down: {}, lost: [], drains: [{ ...drain, elapsedMs }] };
      writeFileSync(join(site.folder, "agent", "health.json"), JSON.stringify(record));
      await site.start();
    };
    await startWith(80_000);
    await expectLines(...foreign, service, line(a, 0), line(b, 3));
    await startWith(90_000);
    await expectLines(...foreign, service, line(b, 3));
    const [registration] = Object.values((await registry()).owners[ME.id]?.virtualServers ?? {});
    assert.deepEqual(
      registration?.members.map(({ port }) => port),
      [b.port],
    );
  });

  it("only tells of drift where that is wanted, and goes on taking servers out and in", async () => {
    const [a, b] = await serve(2);
    await put(
      virtualServer(
        servers.map(({ member }) => member),
        { driftPolicy: "report" },
      ),
    );
    await site.keeper.reconcile();
    site.kernel.set(`${service}
${line(a, 9)}
${line(b, 3)}
`);
    await site.keeper.reconcile();
    await expectLines(service, line(a, 9), line(b, 3));
    assert.equal(site.keeper.view.repairs, 0);
    await b.kill();
    await expectLines(service, line(a, 9), line(b, 0));
  });

  // keepalived#1370: one bad health endpoint took every server out.
  it("lets all servers take connections when nearly none is healthy, where that is wanted", async () => {
    const [a, b, c] = (await serve(3)) as [Server, Server, Server];
    await put(
      virtualServer(
        servers.map(({ member }) => member),
        { failOpenPercent: 50 },
      ),
    );
    await a.kill();
    await expectLines(...foreign, service, line(a, 0), line(b, 3), line(c, 3));
    await b.kill();
    await expectLines(...foreign, service, line(a, 3), line(b, 3), line(c, 3));
  });

  it("touches nothing where it does not understand its journal", async () => {
    await site.stop();
    const edits = site.kernel.edits.length;
    const unknown = { after: "", scope: [KEY], desired: [{ protocol: "tcp", scheduler: "rr -b sh-port" }] };
    for (const text of ["{ torn", JSON.stringify({ scope: [KEY] }), JSON.stringify(unknown)]) {
      writeFileSync(join(site.folder, "agent", "journal.json"), text);
      await assert.rejects(site.start(), /journal\.json cannot be read .*Nothing is touched/);
    }
    assert.equal(site.kernel.edits.length, edits);
    rmSync(join(site.folder, "agent", "journal.json"));
    await site.start();
  });

  it("touches nothing where it does not understand the registry", async () => {
    await site.stop();
    writeFileSync(join(site.folder, "registry"), "heye registry 9\n");
    site.kernel.set(`${FOREIGN}${service}\n`);
    const edits = site.kernel.edits.length;
    await assert.rejects(site.start(), RegistryError);
    assert.equal(site.kernel.edits.length, edits);
    writeFileSync(join(site.folder, "registry"), "");
    await site.start();
  });

  it("gates: it checks a server from where it is, until it is healthy or the time is over", async () => {
    const [a] = await serve(1);
    const check = { ...QUICK, deadlineMs: 300 } as Extract<typeof QUICK, { type: "tcp" }>;
    const good = await site.director().verdict({ ...check, deadlineMs: 10_000 }, a.member);
    assert.equal(good.healthy, true);
    await a.kill();
    const bad = await site.director().verdict(check, a.member);
    assert.equal(bad.healthy, false);
    assert.match(bad.answer, /refused/i);
  });

  it("is missed by name where it does not run", async () => {
    const director = site.director();
    await site.stop();
    await assert.rejects(director.read(), AgentDownError);
    await site.start();
    assert.ok((await director.read()).registry);
  });

  it("says what the kernel did not take, and keeps owning what may be there", async () => {
    const [a] = await serve(1);
    let refusing = true;
    const { write } = site.kernel;
    site.kernel.write = async (edits) =>
      refusing ? "Memory allocation problem" : write.call(site.kernel, edits);
    await assert.rejects(put(virtualServer([a.member])), NotAppliedError);
    refusing = false;
    await put(virtualServer([a.member]), { known: true } as never);
    await expectLines(...foreign, service, line(a, 3));
  });
});

/** A store that fails where it is told to. */
function crashing(store: Store, point: "begin" | "commit", crash: () => void): Store {
  return {
    load: () => store.load(),
    begin: async (journal) => {
      if (point === "begin") crash();
      await store.begin(journal);
    },
    commit: async (registry) => {
      if (point === "commit") crash();
      await store.commit(registry);
    },
    saveHealth: (record) => store.saveHealth(record),
  };
}
