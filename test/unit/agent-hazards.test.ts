import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pino from "pino";
import type { Keeper, Store } from "../../agent";
import { alarmsOf, seriousAlarm } from "../../agent/alarms";
import { Drains } from "../../agent/drains";
import { explain } from "../../agent/explanation";
import { noLog } from "../../agent/log";
import { changeOrder } from "../../agent/orders";
import { withoutStrangers } from "../../agent/plane/strangers";
import { keyOf } from "../../agent/probes";
import { listen } from "../../agent/server";
import { statusOf } from "../../agent/status";
import { explanationText, statusText } from "../../agent/text";
import { Turns } from "../../agent/turns";
import { type Member, putMember, putVirtualServer, type Registry, removeVirtualServer } from "../../director";
import { renderRegistry } from "../../director/registry-format";
import { parseTable, renderTable } from "../../ipvs";
import { AgentSite, QUICK, until, virtualServer } from "./agent-site";
import { LoopbackServer } from "./loopback-server";

const ME = { id: "me-1", label: "shop/prod Cluster edge" };
const KEY = "tcp 192.0.2.1:80";
const NEW = { known: false } as const;
const OLD = { known: true } as const;
const CLAIM = { resource: "web", token: "t1" };
const SORRY = { address: "10.0.0.250", port: 80, forwarding: "nat" } as const;
const SORRY_LINE = "-a -t 192.0.2.1:80 -r 10.0.0.250:80 -m -w 1";

describe("what an agent must not do", () => {
  let site: AgentSite;
  let servers: LoopbackServer[] = [];
  const serve = async (count: number) => {
    servers = await Promise.all(Array.from({ length: count }, () => LoopbackServer.up()));
    servers.sort((a, b) => a.port - b.port);
    return servers as [LoopbackServer, LoopbackServer, LoopbackServer];
  };
  const members = () => servers.map(({ member }) => member);
  const line = ({ port }: LoopbackServer, weight: number) =>
    `-a -t 192.0.2.1:80 -r 127.0.0.1:${port} -m -w ${weight}`;
  const service = "-A -t 192.0.2.1:80 -s rr";
  const put = (wanted = virtualServer(members()), manner: { readonly known: boolean } = NEW) =>
    site.director().change(putVirtualServer(ME, KEY, wanted, manner));
  const text = () => site.kernel.lines.join("\n");
  const has = (one: string) => site.kernel.lines.includes(one);
  const see = (one: string) =>
    until(
      () => has(one),
      () => `no ${one} in\n${text()}`,
    );
  const write = () => site.kernel.write.bind(site.kernel);
  const reconcile = async (times: number) => {
    for (let turn = 0; turn < times; turn++) {
      await delay(50);
      await site.keeper.reconcile();
    }
  };
  /** The site's agent again, with a store that is as the disk is. */
  const restart = async (store?: (real: Store) => Store) => {
    await site.stop();
    await site.start(store ? { store } : {});
  };
  const FULL = async () => {
    throw new Error("ENOSPC: no space left on device");
  };
  beforeEach(async () => {
    site = await AgentSite.up();
  });
  afterEach(async () => {
    await site.down();
    await Promise.all(servers.map((server) => server.kill()));
    servers = [];
  });

  it("overlook a drain that is asked for while nothing else has changed", async () => {
    const [a] = await serve(2);
    await put();
    await reconcile(3);
    await site.keeper.drain(`127.0.0.1:${a.port}`, undefined, "start");
    assert.ok(has(line(a, 0)), text());
    await reconcile(3);
    await site.keeper.drain(`127.0.0.1:${a.port}`, undefined, "end");
    assert.ok(has(line(a, 3)), text());
  });

  it("let a dead server in because its removal is undone", async () => {
    const [a, b] = await serve(2);
    await put();
    await a.kill();
    await see(line(a, 0));
    const director = site.director();
    const change = putVirtualServer(ME, KEY, virtualServer([b.member]), OLD);
    const { before } = await director.change(change);
    await director.change(change.undo(before));
    await delay(50);
    assert.ok(!has(line(a, 3)), text());
  });

  it("let a dead server in because the kernel complained of its removal", async () => {
    const [a, b, c] = await serve(3);
    await put();
    await a.kill();
    await see(line(a, 0));
    const real = write();
    site.kernel.write = async () => {
      site.kernel.write = real;
      return "Memory allocation problem";
    };
    await put(virtualServer([b.member, c.member]), OLD).catch(() => undefined);
    await reconcile(3);
    assert.ok(!has(line(a, 3)), text());
  });

  it("forget an operator's drain because a change that drains the same server is undone", async () => {
    const [a, b] = await serve(2);
    await put();
    await site.keeper.drain(`127.0.0.1:${a.port}`, undefined, "start");
    await see(line(a, 0));
    const director = site.director();
    const manner = { known: true, leaving: "drain", drainMsOf: () => 60_000 } as const;
    const change = putVirtualServer(ME, KEY, virtualServer([b.member]), manner);
    const { before } = await director.change(change);
    await director.change(change.undo(before));
    await reconcile(1);
    assert.ok(!has(line(a, 3)), text());
  });

  it("stop heeding health because the disk is full", async () => {
    const [a, b, c] = await serve(3);
    await put();
    const manner = { known: true, leaving: "drain", drainMsOf: () => 0 } as const;
    await put(virtualServer([b.member, c.member]), manner);
    await site.stop();
    const drain = {
      service: KEY,
      server: `127.0.0.1:${a.port}`,
      startedAt: 0,
      elapsedMs: 40_000,
      by: "change",
    };
    const record = { down: {}, lost: [], drains: [drain] };
    writeFileSync(join(site.folder, "agent", "health.json"), JSON.stringify(record));
    await site.start({ store: (real) => ({ ...forwarded(real), begin: FULL, saveHealth: FULL }) });
    await b.kill();
    await see(line(b, 0));
    await reconcile(1);
    assert.match(site.keeper.view.trouble ?? "", /drains could not be ended: ENOSPC/);
  });

  it("say that a server is drained when a restart would forget it", async () => {
    const [a] = await serve(2);
    await put();
    await restart((real) => ({ ...forwarded(real), saveHealth: FULL }));
    await assert.rejects(site.keeper.drain(`127.0.0.1:${a.port}`, undefined, "start"), /ENOSPC/);
    assert.ok(has(line(a, 3)), text());
  });

  it("seem well while it is stuck, or in trouble", async () => {
    const told = (part: object) => {
      const { view } = site.keeper;
      return seriousAlarm(alarmsOf({ ...view, ...part } as Keeper["view"], undefined))?.detail ?? "";
    };
    assert.equal(told({}), "");
    assert.equal(told({ drift: ["an entry"] }), "");
    assert.match(told({ busyMs: 11_000 }), /takes 11 s so far/);
    assert.match(told({ trouble: "no memory" }), /no memory/);
    assert.match(told({ trouble: "no ipvsadm", isUnreadable: true }), /no ipvsadm/);
    const turns = new Turns();
    const turn = turns.take(() => delay(60));
    await delay(30);
    assert.ok(turns.busyMs > 0);
    await turn;
    assert.equal(turns.busyMs, 0);
  });

  it("leave a dead server in because the kernel refused once, where drift is only told of", async () => {
    const [, b] = await serve(2);
    await put(virtualServer(members(), { driftPolicy: "report" }));
    await site.keeper.reconcile();
    const real = write();
    let refused = 0;
    site.kernel.write = async (edits) => (edits.length > 0 && refused++ === 0 ? "no memory" : real(edits));
    await b.kill();
    await until(
      () => refused > 0,
      () => "never written",
    );
    await reconcile(3);
    assert.ok(has(line(b, 0)), text());
  });

  it("leave a server out that came back while the kernel refuses something else, where drift is only told of", async () => {
    const [a] = await serve(2);
    await put(virtualServer(members(), { driftPolicy: "report" }));
    const write = site.kernel.write.bind(site.kernel);
    site.kernel.write = async (edits) => {
      const taken = edits.filter((one) => one.service.port !== 81);
      await write(taken);
      return taken.length === edits.length ? "" : "Scheduler or persistence engine not found";
    };
    const refused = virtualServer(members(), { port: 81, scheduler: "fo" });
    await assert.rejects(site.director().change(putVirtualServer(ME, "tcp 192.0.2.1:81", refused, NEW)));
    await a.kill();
    await see(line(a, 0));
    await a.revive();
    await see(line(a, 3));
  });

  it("run into trouble over somebody's own destination, where drift is only told of", async () => {
    await serve(2);
    const pool = members().map((member) => ({ ...member, resource: `r${member.port}` }));
    await put(virtualServer(pool, { driftPolicy: "report", pool: "separate" }));
    await site.keeper.reconcile();
    const ours = `${text()}\n`;
    const errors: string[] = [];
    const real = write();
    site.kernel.write = async (edits) =>
      real(edits).catch((error: Error) => {
        errors.push(error.message);
        return error.message;
      });
    site.kernel.set(`${ours}-a -t 192.0.2.1:80 -r 10.9.9.9:80 -m -w 1\n`);
    await site.keeper.reconcile();
    site.kernel.set(ours);
    await reconcile(2);
    assert.deepEqual([errors, site.keeper.view.drift], [[], []]);
  });

  it("keep a pool down for its hysteresis when all of its servers are well", async () => {
    const [a] = await serve(2);
    const settings = { sorryServer: SORRY, quorum: { weight: 6, hysteresis: 1 }, pool: "separate" as const };
    await put(virtualServer([], settings));
    for (const member of members()) {
      const wanted = { ...member, resource: `r${member.port}`, token: `k${member.port}` };
      await site.director().change(putMember(ME, KEY, wanted, NEW));
    }
    await see(line(a, 3));
    assert.ok(!has(SORRY_LINE), text());
  });

  it("remember the quorum of a virtual server that was removed", async () => {
    const [a, b] = await serve(2);
    const settings = { sorryServer: SORRY, quorum: { weight: 6, hysteresis: 5 } };
    await put(virtualServer(members(), settings));
    await a.kill();
    await b.kill();
    await see(SORRY_LINE);
    await site.director().change(removeVirtualServer(ME, KEY, CLAIM));
    assert.deepEqual([...site.keeper.view.pools.lost], []);
  });

  it("let a server in that takes no connections, when it takes over from `ssh` mode", async () => {
    const [a, b] = await serve(2);
    await site.stop();
    const { healthCheck: _, ...registration } = virtualServer(members());
    const owners = { [ME.id]: { label: ME.label, virtualServers: { [KEY]: registration } } };
    writeFileSync(join(site.folder, "registry"), renderRegistry({ owners: owners as never }));
    rmSync(join(site.folder, "agent"), { recursive: true });
    // Somebody has taken it out by hand, because it is broken.
    site.kernel.set(`${service}\n${line(a, 0)}\n${line(b, 3)}\n`);
    await site.start();
    await reconcile(2);
    assert.ok(has(line(a, 0)), text());
    assert.ok(
      (await site.director().read()).lines.includes(line(a, 0)),
      "the gate has to see that it does not serve",
    );
    // A change whose gate has asked it lets it in.
    await put(undefined, OLD);
    assert.ok(has(line(a, 3)), text());
  });

  it("end a drain before whoever waits for it can take it back", async () => {
    const [a, b] = await serve(2);
    await put();
    const drains = new Drains([{ service: KEY, server: "x", startedAt: 0, elapsedMs: 0, by: "change" }]);
    const member = { ...a.member, draining: true, drainMs: 600_000 } as Member;
    assert.deepEqual(drains.due(new Map([[KEY, virtualServer([member, b.member])]])), []);
  });

  it("end a drain because the clock was set", () => {
    let nowMs = 0;
    const drain = {
      service: KEY,
      server: "10.0.0.1:80",
      startedAt: Date.now() - 86_400_000,
      elapsedMs: 0,
      by: "change" as const,
    };
    const drains = new Drains([drain], () => nowMs);
    const member = {
      address: "10.0.0.1",
      port: 80,
      weight: 3,
      forwarding: "nat",
      draining: true,
      drainMs: 1_000,
    } as const;
    const all = new Map([[KEY, virtualServer([member])]]);
    assert.equal(drains.due(all).length, 0);
    nowMs = 31_000;
    assert.equal(drains.due(all).length, 1);
  });

  it("touch anything while another one answers", async () => {
    const path = join(site.folder, "agent.sock");
    await assert.rejects(
      listen(path, () => undefined, noLog()),
      /another agent answers/,
    );
  });

  it("keep a limit that an adoption does not declare", async () => {
    const member = { address: "10.0.0.1", port: 80, weight: 3, forwarding: "nat" } as const;
    site.kernel.set(`${service}\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 3\n`);
    const limited = { upper: 50, lower: 0 };
    site.kernel.table = site.kernel.table.map((one) => ({
      ...one,
      destinations: one.destinations.map((other) => ({ ...other, thresholds: limited })),
    }));
    const wanted = virtualServer([member], { healthCheck: { type: "none" } });
    await site.director().change(putVirtualServer(ME, KEY, wanted, { known: false, adopts: true }));
    assert.equal(site.kernel.table[0]?.destinations[0]?.thresholds?.upper ?? 0, 0);
  });

  it("refuse a change because somebody's own destination has a weight that we would not give", () => {
    const [digests] = [{ registry: "", table: "" }];
    const destination = { address: "10.0.0.1", port: 80, method: "nat", weight: 100_000, extra: "" };
    const one = { protocol: "tcp", address: "192.0.2.1", port: 80, scheduler: "wrr", extra: "" };
    const desired = [{ ...one, destinations: [destination] }];
    assert.ok(changeOrder({ expect: digests, predict: digests, registry: [], scope: [KEY], desired }));
  });

  it("let a dead server in because it was killed when it had taken it out and not yet written it down", async () => {
    const [a] = await serve(2);
    await put();
    await restart((real) => ({ ...forwarded(real), saveHealth: () => new Promise(() => undefined) }));
    await a.kill();
    await see(line(a, 0));
    await site.kill();
    const edits = site.kernel.edits.length;
    await site.start();
    await reconcile(3);
    assert.deepEqual(site.kernel.edits.slice(edits), []);
  });

  it("tell a table as changed because a server comes back while it is read", async () => {
    const [a] = await serve(2);
    await put();
    const declared = await site.director().read();
    await a.kill();
    await see(line(a, 0));
    await reconcile(1);
    const real = site.kernel.read.bind(site.kernel);
    const { watch } = site.keeper.view.pools;
    let reads = 0;
    site.kernel.read = async () => {
      const found = await real();
      if (reads++ === 0) {
        await a.revive();
        await until(
          () => Object.keys(watch.down).length === 0,
          () => "it does not come back",
        );
      }
      return found;
    };
    assert.deepEqual((await site.director().read()).lines, declared.lines);
  });

  it("show another weight than the kernel's, or hide the sorry server that serves", async () => {
    const [a, b] = await serve(2);
    await put(virtualServer(members(), { driftPolicy: "report", sorryServer: SORRY }));
    await site.keeper.reconcile();
    site.kernel.set(`${service}\n${line(a, 9)}\n${line(b, 0)}\n`);
    await site.keeper.reconcile();
    assert.match(
      explanationText(explain(site.keeper, `127.0.0.1:${b.port}`)),
      /health 1 x quorum 1 = 3; in the kernel 0/,
    );
    await Promise.all([a.kill(), b.kill()]);
    await see(SORRY_LINE);
    await site.keeper.reconcile();
    const status = statusText(statusOf(site.keeper, { version: "x", startedAt: 0 }), Date.now());
    assert.match(status, /10\.0\.0\.250:80 +sorry server, SERVES/);
  });

  it("call a table wanted that could not be made so", async () => {
    await serve(2);
    await put();
    await reconcile(1);
    const { reconciledAt } = site.keeper.view;
    site.kernel.set("");
    site.kernel.write = async () => "Memory allocation problem";
    await reconcile(1);
    assert.match(site.keeper.view.trouble ?? "", /Memory allocation problem/);
    assert.equal(site.keeper.view.reconciledAt, reconciledAt);
  });

  it("have a sorry server serve that is a member, and drained", async () => {
    const [a, b] = await serve(2);
    const { address, port } = a.member;
    await put(virtualServer(members(), { sorryServer: { address, port, forwarding: "nat" } }));
    await site.keeper.drain(`127.0.0.1:${port}`, undefined, "start");
    await see(line(a, 0));
    await b.kill();
    await see(line(b, 0));
    await reconcile(1);
    assert.ok(has(line(a, 0)), renderTable(site.kernel.table));
  });

  it("cut the connections of a healthy server that an operator drains, or that makes room for the sorry server", async () => {
    const [a, b] = await serve(2);
    const settings = {
      persistence: { timeoutS: 300 },
      sorryServer: SORRY,
      quorum: { weight: 6, hysteresis: 0 },
    };
    await put(virtualServer(members(), settings as never));
    await b.kill();
    await see(SORRY_LINE);
    assert.ok(has(line(a, 0)), text());
    await b.revive();
    await see(line(b, 3));
    await site.keeper.drain(`127.0.0.1:${a.port}`, undefined, "start");
    assert.ok(has(line(a, 0)), text());
  });

  it("put a dead udp server back to let it drain", async () => {
    const [a, b] = await serve(2);
    const key = "udp 192.0.2.1:80";
    const pool = servers.map((one) => ({
      ...one.member,
      healthCheck: { ...QUICK, port: one.port } as typeof QUICK,
    }));
    const udp = (list: readonly Member[]) => virtualServer(list, { protocol: "udp" });
    const director = site.director();
    await director.change(putVirtualServer(ME, key, udp(pool), NEW));
    await a.kill();
    await until(() => site.kernel.lines.length === 2, text);
    const manner = { known: true, leaving: "drain", drainMsOf: () => 600_000 } as const;
    const stays = pool.filter(({ port }) => port === b.port);
    await director.change(putVirtualServer(ME, key, udp(stays), manner));
    assert.equal(site.kernel.lines.length, 2, text());
  });

  it("keep a server out that has passed its gate, for as long as its next checks take", async () => {
    const [a, b] = await serve(2);
    const healthCheck = { ...QUICK, intervalMs: 60_000, rise: 1 } as typeof QUICK;
    await put(virtualServer([{ ...a.member, held: true }, b.member], { healthCheck }));
    await delay(50);
    await put(virtualServer([a.member], { healthCheck }), OLD);
    assert.ok(has(line(a, 3)), text());
  });

  it("keep a server out that has passed another gate than the one that it failed, or comes back after that", async () => {
    const [a, b] = await serve(2);
    const slow = (rise: number) => ({ ...QUICK, intervalMs: 60_000, rise }) as typeof QUICK;
    const held = { ...a.member, held: true } as const;
    await put(virtualServer([held, b.member], { healthCheck: slow(1) }));
    await put(virtualServer([a.member, b.member], { healthCheck: slow(2) }), OLD);
    assert.ok(has(line(a, 3)), text());
    await put(virtualServer([b.member], { healthCheck: slow(2) }), OLD);
    await put(virtualServer([held, b.member], { healthCheck: slow(2) }), OLD);
    await put(virtualServer([b.member], { healthCheck: slow(2) }), OLD);
    await put(virtualServer([a.member, b.member], { healthCheck: slow(2) }), OLD);
    assert.ok(has(line(a, 3)), text());
  });

  it("leave a threshold as somebody else has set it", async () => {
    const [a] = await serve(2);
    // The director looks for thresholds over SSH, which there is none of here.
    await put(virtualServer([{ ...a.member, upperThreshold: 1_000 }])).catch(() => undefined);
    await reconcile(2);
    const edited = { upper: 1, lower: 0 };
    site.kernel.table = site.kernel.table.map((one) => ({
      ...one,
      destinations: one.destinations.map((other) => ({ ...other, thresholds: edited })),
    }));
    await reconcile(1);
    assert.equal(site.kernel.table[0]?.destinations[0]?.thresholds?.upper, 1_000);
  });

  it("let those who ask come before a server that dies", async () => {
    const [a] = await serve(2);
    await put();
    const real = site.kernel.read.bind(site.kernel);
    let reads = 0;
    site.kernel.read = async () => {
      reads++;
      await delay(50);
      return real();
    };
    const asked = Array.from({ length: 50 }, () => site.director().read());
    await Promise.all(asked);
    assert.ok(reads < 10, `${reads} looks at the kernel for 50 that asked at the same time`);
    await a.kill();
    await see(line(a, 0));
  });

  it("take a server out of one virtual server because it rests in another one, when its record is lost", async () => {
    const [a] = await serve(1);
    const healthCheck = { ...QUICK, intervalMs: 60_000 } as typeof QUICK;
    await put(virtualServer(members(), { healthCheck }));
    const other = virtualServer(members(), { healthCheck, address: "192.0.2.2" } as never);
    await site.director().change(putVirtualServer(ME, "tcp 192.0.2.2:80", other, NEW));
    await site.keeper.drain(`127.0.0.1:${a.port}`, KEY, "start");
    await site.stop();
    writeFileSync(join(site.folder, "agent", "health.json"), "{ torn");
    await site.start();
    assert.ok(has(line(a, 3).replace("192.0.2.1", "192.0.2.2")), text());
  });

  it("say that a server is drained when the kernel did not take it", async () => {
    const [a] = await serve(2);
    await put();
    const real = write();
    site.kernel.write = async () => "Operation not permitted";
    await assert.rejects(site.keeper.drain(`127.0.0.1:${a.port}`, undefined, "start"), /not permitted/);
    site.kernel.write = real;
    await reconcile(1);
    assert.ok(has(line(a, 0)), text());
  });

  it("delete what somebody else has put where a change was over but for its journal", async () => {
    await site.stop();
    writeFileSync(
      join(site.folder, "agent", "journal.json"),
      JSON.stringify({ after: "", scope: [KEY], desired: [] }),
    );
    site.kernel.set(`${service}\n-a -t 192.0.2.1:80 -r 10.9.9.9:80 -m -w 1\n`);
    await site.start();
    assert.equal(site.kernel.lines.length, 2, text());
  });

  it("forget to write the registry down after the disk was full, or hide that it was", async () => {
    await serve(1);
    await site.stop();
    let isFull = true;
    await site.start({
      store: (real) => ({
        ...forwarded(real),
        commit: (registry) => (isFull ? FULL() : real.commit(registry)),
      }),
    });
    await assert.rejects(put());
    await reconcile(1);
    assert.match(site.keeper.view.trouble ?? "", /the registry could not be written: ENOSPC/);
    isFull = false;
    await reconcile(1);
    assert.equal(site.keeper.view.trouble, undefined);
    assert.match(readFileSync(join(site.folder, "registry"), "utf8"), /service me-1 tcp 192\.0\.2\.1:80/);
  });

  it("keep a server that has died in service because a disk is slow, or take a turn before it is written down", async () => {
    const [a] = await serve(3);
    await put();
    const events: string[] = [];
    const disk = new EventEmitter();
    const slow = once(disk, "answers");
    site.log = pino(
      { base: null },
      { write: (line) => line.includes("takes longer") && events.push("given up") },
    );
    await restart((real) => ({
      ...forwarded(real),
      saveHealth: async (record) => {
        await slow;
        await real.saveHealth(record);
        if (Object.keys(record.down).length > 0) events.push("written down");
      },
    }));
    site.kernel.before = () => events.push("taken out");
    await a.kill();
    await see(line(a, 0));
    const next = site.keeper.reconcile().then(() => events.push("the next turn is over"));
    await delay(20);
    events.push("the disk answers");
    disk.emit("answers");
    await next;
    assert.deepEqual(events.slice(0, 3), ["taken out", "the disk answers", "written down"]);
  });

  for (const [where, declare] of [
    ["its pool fails open", () => put(virtualServer(members(), { failOpenPercent: 20 }))],
    [
      "several virtual servers have it",
      async () => {
        await put();
        const other = virtualServer(members(), { address: "192.0.2.2" });
        await site.director().change(putVirtualServer(ME, "tcp 192.0.2.2:80", other, NEW));
      },
    ],
  ] as const)
    it(`take a server out before it is written down where the kernel would not tell of it: ${where}`, async () => {
      const [a] = await serve(3);
      await declare();
      const events: string[] = [];
      await restart((real) => ({
        ...forwarded(real),
        saveHealth: async (record) => {
          await delay(20);
          await real.saveHealth(record);
          if (Object.keys(record.down).length > 0) events.push("written down");
        },
      }));
      site.kernel.before = () => events.push("taken out");
      await a.kill();
      await see(line(a, 0));
      assert.deepEqual(events.slice(0, 2), ["written down", "taken out"]);
    });

  it("forget to write down who went down while the disk was full", async () => {
    const [a] = await serve(2);
    await put();
    let isFull = true;
    await restart((real) => ({
      ...forwarded(real),
      saveHealth: (record) => (isFull ? FULL() : real.saveHealth(record)),
    }));
    await a.kill();
    await see(line(a, 0));
    isFull = false;
    await reconcile(1);
    assert.ok(readFileSync(join(site.folder, "agent", "health.json"), "utf8").includes(`:${a.port} `));
  });

  it("let a dead server in because its director has booted, and its table was filled by what knows nothing of health", async () => {
    const [a, b] = await serve(2);
    await put();
    await a.kill();
    await see(line(a, 0));
    await site.stop();
    site.boot = "the second";
    site.kernel.set(`${[service, line(a, 3), line(b, 3)].join("\n")}\n`);
    await site.start();
    assert.deepEqual(site.kernel.lines, [service, line(a, 0), line(b, 3)].sort());
    assert.match(readFileSync(join(site.folder, "agent", "health.json"), "utf8"), /"boot":"the second"/);
  });

  it("leave a sorry server in a pool whose sorry server is another one by now", async () => {
    const [a] = await serve(1);
    const separate = (address: string) =>
      virtualServer([], { pool: "separate", sorryServer: { ...SORRY, address } });
    await put(separate(SORRY.address));
    await site.director().change(putMember(ME, KEY, { ...a.member, resource: "a" }, NEW));
    await a.kill();
    await see(SORRY_LINE);
    await put(separate("10.0.0.251"), OLD);
    const other = SORRY_LINE.replace("10.0.0.250", "10.0.0.251");
    assert.deepEqual(site.kernel.lines, [service, line(a, 0), other].sort());
    await a.revive();
    await see(line(a, 3));
    await put(virtualServer([], { pool: "separate" }), OLD);
    assert.deepEqual(site.kernel.lines, [service, line(a, 3)].sort());
  });

  it("take a sorry server that serves for somebody else's when its virtual server goes, here or over SSH", () => {
    const member = { address: "10.0.0.1", port: 80, weight: 3, forwarding: "nat", resource: "a" } as const;
    const separate = virtualServer([member], { pool: "separate", sorryServer: SORRY });
    const registry: Registry = {
      owners: { [ME.id]: { label: ME.label, virtualServers: { [KEY]: separate } } },
    };
    const table = parseTable(`${service}\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 0\n${SORRY_LINE}\n`);
    const removed = removeVirtualServer(ME, KEY, CLAIM).apply({ director: "d1", registry, table });
    assert.deepEqual(removed, { owners: {} });
    assert.deepEqual(withoutStrangers(registry, { owners: {} }, table).conflicts, []);
  });

  it("refuse connections for the sake of a server that is drained or held back, where the scheduler would", async () => {
    const [a, b, c] = await serve(3);
    const pool = [a.member, { ...b.member, drained: true as const }, { ...c.member, held: true as const }];
    const head = service.replace("rr", "sh");
    await put(virtualServer(pool, { scheduler: "sh" }));
    assert.deepEqual(site.kernel.lines, [head, line(a, 3)].sort());
    // It is no drift, and told as what it is.
    const declared = [head, line(a, 3), line(b, 0), line(c, 0)].sort();
    assert.deepEqual((await site.director().read()).lines, declared);
    const reasons = (one: LoopbackServer) => explain(site.keeper, `127.0.0.1:${one.port}`)[0]?.reasons;
    assert.deepEqual([reasons(a), reasons(b)], [[], ["drained by the API"]]);
    await put(virtualServer(pool, { scheduler: "sh", schedulerFlags: ["sh-fallback"] }), OLD);
    assert.deepEqual(site.kernel.lines.slice(1).sort(), declared.slice(1).sort());
    await put(virtualServer(members(), { scheduler: "sh" }), OLD);
    assert.deepEqual(site.kernel.lines, [head, line(a, 3), line(b, 3), line(c, 3)].sort());
  });

  it("wait for a disk that hangs before it takes a dead server out, or forget what it could not write down meanwhile", async () => {
    const [a, b] = await serve(2);
    await put();
    const disk = new EventEmitter();
    const hanging = once(disk, "well");
    await restart((real) => ({
      ...forwarded(real),
      saveHealth: (record) => hanging.then(() => real.saveHealth(record)),
    }));
    await a.kill();
    await see(line(a, 0));
    await b.kill();
    await see(line(b, 0));
    await assert.rejects(site.keeper.drain(`127.0.0.1:${a.port}`, undefined, "start"), /disk/);
    disk.emit("well");
    const recorded = () => readFileSync(join(site.folder, "agent", "health.json"), "utf8");
    await until(
      () => [a, b].every(({ port }) => recorded().includes(`:${port} `)),
      () => recorded(),
    );
  });

  it("keep dead servers in service while it places addresses; who changes something hears which could not be", async () => {
    const [a, b] = await serve(2);
    const network = new EventEmitter();
    let places = 0;
    // The first is at the start.
    const place = async () => (places++ === 0 ? "" : ((await once(network, "well"))[0] as string));
    await site.stop();
    await site.start({ place });
    const made = put();
    await see(line(a, 3));
    await a.kill();
    await see(line(a, 0));
    const other = virtualServer([b.member], { port: 81 });
    const later = putVirtualServer(ME, "tcp 192.0.2.1:81", other, NEW);
    const more = site
      .director()
      .change(later)
      .catch(() => "it hangs up");
    await until(
      () => site.kernel.lines.includes("-A -t 192.0.2.1:81 -s rr"),
      () => text(),
    );
    network.emit("well", "address 192.0.2.1 heye0 no such device");
    await assert.rejects(made, /address 192\.0\.2\.1 could not be put on heye0 \(no such device\)/);
    await until(
      () => places === 3,
      () => "the second change was not placed",
    );
    let isOver = false;
    const end = site.stop().then(() => {
      isOver = true;
    });
    await delay(50);
    assert.equal(isOver, false, "it has left half of that behind");
    network.emit("well", "");
    await Promise.all([end, more]);
  });

  it("write into its log what passwords could be tried against", async () => {
    const [a] = await serve(1);
    const said: string[] = [];
    await site.stop();
    site.log = pino({ base: null }, { write: (one: string) => void said.push(one) });
    await site.start();
    await put();
    await a.kill();
    await until(
      () => said.some((one) => one.includes('"down"')),
      () => "nothing said",
    );
    const registration = virtualServer(members());
    const key = keyOf(registration, registration.members[0] as Member) ?? "none";
    assert.ok(
      said.every((one) => !one.includes(key)),
      said.join(""),
    );
    assert.match(said.join(""), new RegExp(`"server":"127\\.0\\.0\\.1:${a.port}","check":"tcp"`));
  });
});

function forwarded(real: Store): Store {
  return {
    load: () => real.load(),
    begin: (journal) => real.begin(journal),
    commit: (registry) => real.commit(registry),
    saveHealth: (record) => real.saveHealth(record),
  };
}
