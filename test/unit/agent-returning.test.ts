import assert from "node:assert/strict";
import { type Change, type Director, putVirtualServer } from "../../director";
import { type Dial, directDial } from "../../health";
import { type HealthCheck, healthCheck } from "../../spec";
import { AgentSite, QUICK, until, virtualServer } from "./agent-site";
import { LoopbackServer } from "./loopback-server";

const ME = { id: "me-1", label: "shop/prod Cluster edge" };
const VIP = "192.0.2.1";
/** So seldom that in a test nobody but a gate, and who asks before a change, can know that a server is well. */
const SELDOM = healthCheck.parse({
  ...{ type: "tcp", intervalMs: 60_000, timeoutMs: 60_000, rise: 1, deadlineMs: 130_000 },
}) as HealthCheck;
const DAYS_MS = 3 * 24 * 3_600_000;

/** Servers that were down when they were taken out of their virtual server, and are declared again. */
describe("a server that returns to a virtual server", () => {
  let site: AgentSite;
  let director: Director;
  let a: LoopbackServer;
  let b: LoopbackServer;
  let dials = 0;
  /** A port that accepts nothing and refuses nothing. */
  let silent: number | undefined;
  const dial: Dial = (target, signal) => {
    if (target.port === a.port) dials++;
    if (target.port !== silent) return directDial()(target, signal);
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(new Error("no answer")), { once: true });
    });
  };
  beforeEach(async () => {
    silent = undefined;
    [a, b] = await Promise.all([LoopbackServer.up(), LoopbackServer.up()]);
    site = await AgentSite.up(undefined, { dial });
    director = site.director();
  });
  afterEach(async () => {
    await site.down();
    await Promise.all([a.kill(), b.kill()]);
  });

  const putting = (servers: readonly LoopbackServer[], check: HealthCheck, vip = VIP): Change => {
    const known = site.kernel.lines.some((line) => line.startsWith(`-A -t ${vip}:80 `));
    const members = servers.map(({ member }) => member);
    const more = { address: vip, resource: vip, healthCheck: check };
    return putVirtualServer(ME, `tcp ${vip}:80`, virtualServer(members, more as never), { known });
  };
  const put = (servers: readonly LoopbackServer[], check: HealthCheck, vips: readonly string[] = [VIP]) =>
    Promise.all(vips.map((vip) => director.change(putting(servers, check, vip))));
  /** Virtual servers in which the first server takes connections. */
  const taking = () =>
    site.kernel.lines.filter((line) => line.includes(` 127.0.0.1:${a.port} `) && line.endsWith(" -w 3"))
      .length;
  const table = () => site.kernel.lines.join("\n");
  /** The first dies, is found out, and leaves. Returns how to undo that. */
  const leave = async (vips: readonly string[] = [VIP]): Promise<() => Promise<unknown>> => {
    await put([a, b], QUICK, vips);
    await a.kill();
    await until(() => taking() === 0, table);
    const changes = vips.map((vip) => putting([b], QUICK, vip));
    const made = await Promise.all(changes.map((change) => director.change(change)));
    return () =>
      Promise.all(changes.map((change, index) => director.change(change.undo(made[index]?.before))));
  };

  it("enters at once when it answers, also where it is the only one", async () => {
    await leave();
    await a.revive();
    await put([a], SELDOM);
    assert.equal(taking(), 1, table());
  });

  it("is asked once for all virtual servers that ask it alike, and enters them all", async () => {
    const vips = Array.from({ length: 300 }, (_, index) => `192.0.${2 + (index >> 7)}.${1 + (index & 127)}`);
    await leave(vips);
    await a.revive();
    dials = 0;
    await put([a], SELDOM, vips);
    assert.equal(taking(), vips.length);
    // Once before each group of changes, of which there are two, and by its first check.
    assert.ok(dials <= 3, `${dials} dials`);
  });

  it("stays out when it is dead and its removal is undone", async () => {
    const undo = await leave();
    await undo();
    assert.equal(taking(), 0, table());
  });

  it("does not keep a change waiting when it is silent, whatever its check allows, nor those that come at once after", async () => {
    const undo = await leave();
    silent = a.port;
    await undo();
    assert.equal(taking(), 0, table());
    await put([b], SELDOM);
    await put([a, b], SELDOM);
    await put([b], SELDOM);
    dials = 0;
    for (let again = 0; again < 3; again++) {
      await put([a, b], SELDOM);
      assert.equal(taking(), 0, table());
      await put([b], SELDOM);
    }
    // A check of its own may fall into that time.
    assert.ok(dials < 3, `${dials} dials`);
  });

  it("is still remembered when the change for which it has answered was refused", async () => {
    const undo = await leave();
    const [real, refusal] = [
      site.kernel.read.bind(site.kernel),
      new Error("the kernel does not tell its table"),
    ];
    await a.revive();
    site.kernel.read = () => Promise.reject(refusal);
    await assert.rejects(put([a, b], SELDOM));
    site.kernel.read = real;
    await a.kill();
    await undo();
    assert.equal(taking(), 0, table());
  });

  it("enters as any other when it was taken out long ago", async () => {
    await leave();
    const { now } = performance;
    performance.now = () => now.call(performance) + DAYS_MS;
    try {
      await put([a, b], SELDOM);
      assert.equal(taking(), 1, table());
    } finally {
      performance.now = now;
    }
  });
});
