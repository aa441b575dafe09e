import assert from "node:assert/strict";
import { explain } from "../../agent/explanation";
import { explanationText } from "../../agent/text";
import { weightOf } from "../../agent/wanted";
import { putVirtualServer, type Registration } from "../../director";
import { destinationKey } from "../../ipvs";
import { AgentSite, QUICK, until, virtualServer } from "./agent-site";
import { LoopbackServer as Server } from "./loopback-server";

const ME = { id: "me-1", label: "shop/prod Cluster edge" };
const KEY = "tcp 192.0.2.1:80";
const SORRY = { address: "10.0.0.250", port: 80, forwarding: "nat" } as const;
const SORRY_LINE = "-a -t 192.0.2.1:80 -r 10.0.0.250:80 -m -w 1";

describe("a pool whose servers die and come back", () => {
  let site: AgentSite;
  let servers: Server[] = [];
  const serve = async (count: number) => {
    servers = await Promise.all(Array.from({ length: count }, () => Server.up()));
    servers.sort((a, b) => a.port - b.port);
    return servers as [Server, Server, Server];
  };
  const line = ({ port }: Server, weight: number) =>
    `-a -t 192.0.2.1:80 -r 127.0.0.1:${port} -m -w ${weight}`;
  const head = (scheduler = "rr") => `-A -t 192.0.2.1:80 -s ${scheduler}`;
  const put = (settings: Partial<Registration> = {}, known = false) => {
    const wanted = virtualServer(
      servers.map(({ member }) => member),
      settings,
    );
    return site
      .director()
      .change(putVirtualServer(ME, settings.protocol === "udp" ? UDP : KEY, wanted, { known }));
  };
  const UDP = KEY.replace("tcp", "udp");
  const expectLines = (...lines: string[]) => {
    const wanted = lines.sort().join("\n");
    return until(
      () => site.kernel.lines.join("\n") === wanted,
      () => `${site.kernel.lines.join("\n")}\ninstead of\n${wanted}`,
    );
  };
  /** Until the agent has found out who is down, and has made of it what there is to be made. */
  const expectDown = async (...down: Server[]) => {
    const { watch } = site.keeper.view.pools;
    await until(
      () => Object.keys(watch.down).length === down.length,
      () => `${JSON.stringify(watch.down)} instead of ${down.length}`,
    );
    await site.keeper.reconcile();
  };

  beforeEach(async () => {
    site = await AgentSite.up();
  });
  afterEach(async () => {
    await site.down();
    await Promise.all(servers.map((server) => server.kill()));
    servers = [];
  });

  it("keeps one at weight 0 where that is declared, though its clients stay pinned to it", async () => {
    const [a, b] = await serve(2);
    const check = { ...QUICK, port: a.port } as typeof QUICK;
    await put({ protocol: "udp", healthCheck: check, onUnhealthy: "weight0" });
    const lines = (weight: number) =>
      [head(), line(a, weight), line(b, weight)].map((one) => one.replace("-t ", "-u "));
    await expectLines(...lines(3));
    await a.kill();
    await expectLines(...lines(0));
    await a.revive();
    await expectLines(...lines(3));
  });

  it("takes one out altogether where that is declared, though its connections might have ended by themselves", async () => {
    const [a, b] = await serve(2);
    await put({ onUnhealthy: "remove" });
    await expectLines(head(), line(a, 3), line(b, 3));
    await a.kill();
    await expectLines(head(), line(b, 3));
    assert.ok((await site.director().read()).lines.includes(line(a, 3)), "told as it was declared");
    await a.revive();
    await expectLines(head(), line(a, 3), line(b, 3));
  });

  it("is given up when its hysteresis below the quorum is left behind, and is back when it is above by as much", async () => {
    const [a, b, c] = await serve(3);
    await put({ sorryServer: SORRY, quorum: { weight: 6, hysteresis: 3 } });
    const up = (...weights: [number, number, number]) => [
      ...[head(), line(a, weights[0]), line(b, weights[1]), line(c, weights[2])],
    ];
    await expectLines(...up(3, 3, 3));
    await Promise.all([a.kill(), b.kill()]);
    await expectLines(...up(0, 0, 3));
    await expectDown(a, b);
    await expectLines(...up(0, 0, 3));
    await c.kill();
    const given = [...up(0, 0, 0), SORRY_LINE];
    await expectLines(...given);
    await Promise.all([a.revive(), b.revive()]);
    await expectDown(c);
    assert.deepEqual(site.kernel.lines, given.sort(), "as much as the quorum is not enough");
    // It is remembered over a restart.
    await site.stop();
    await site.start();
    await expectDown(c);
    assert.deepEqual(site.kernel.lines, given, "a restart gave it up or took it back");
    await c.revive();
    await expectLines(...up(3, 3, 3));
  });

  for (const scheduler of ["sh", "mh", "dh"] as const)
    it(`loses one altogether with ${scheduler}, for whose sake connections would be refused, and has it back`, async () => {
      const [a, b] = await serve(2);
      await put({ scheduler });
      await expectLines(head(scheduler), line(a, 3), line(b, 3));
      await a.kill();
      await expectLines(head(scheduler), line(b, 3));
      await a.revive();
      await expectLines(head(scheduler), line(a, 3), line(b, 3));
    });

  for (const scheduler of ["sh", "mh"] as const)
    it(`keeps one at weight 0 with ${scheduler}-fallback, by which others take its connections`, async () => {
      const [a, b] = await serve(2);
      await put({ scheduler, schedulerFlags: [`${scheduler}-fallback`] });
      const service = head(`${scheduler} -b ${scheduler}-fallback`);
      await expectLines(service, line(a, 3), line(b, 3));
      await a.kill();
      await expectLines(service, line(a, 0), line(b, 3));
      await a.revive();
      await expectLines(service, line(a, 3), line(b, 3));
    });

  it("keeps one at weight 0 with sh, where that is declared", async () => {
    const [a, b] = await serve(2);
    await put({ scheduler: "sh", onUnhealthy: "weight0" });
    await a.kill();
    await expectLines(head("sh"), line(a, 0), line(b, 3));
  });

  it("takes out one that is well too with sh while the sorry server takes its connections, and has all back", async () => {
    const [a, b] = await serve(2);
    await put({ scheduler: "sh", sorryServer: SORRY, quorum: { weight: 6, hysteresis: 0 } });
    await a.kill();
    await expectLines(head("sh"), SORRY_LINE);
    await a.revive();
    await expectLines(head("sh"), line(a, 3), line(b, 3));
  });

  // What mh makes of its table depends on the weight that a server had last.
  it("fills an emptied table with a dead server's last weight first with mh, in the order that is declared", async () => {
    const [a, b] = await serve(2);
    await put({ scheduler: "mh", schedulerFlags: ["mh-fallback"] });
    await a.kill();
    const service = head("mh -b mh-fallback");
    await expectLines(service, line(a, 0), line(b, 3));
    await site.keeper.reconcile();
    const made = site.kernel.edits.length;
    site.kernel.set("");
    await site.keeper.reconcile();
    await expectLines(service, line(a, 0), line(b, 3));
    const edits = site.kernel.edits
      .slice(made)
      .flatMap((edit) => ("destination" in edit ? [edit] : []))
      .map(({ kind, destination }) => `${kind} ${destinationKey(destination)} ${destination.weight}`);
    assert.deepEqual(edits, [
      `add-destination 127.0.0.1:${a.port} 3`,
      `edit-destination 127.0.0.1:${a.port} 0`,
      `add-destination 127.0.0.1:${b.port} 3`,
    ]);
  });

  describe("is explained by the product that makes a weight:", () => {
    const product = (server: Server) => {
      const [one] = explain(site.keeper, `127.0.0.1:${server.port}`);
      assert.ok(one?.factors);
      assert.equal(weightOf(one.factors), one.effectiveWeight);
      return /^weight: (.*)$/m.exec(explanationText([one]))?.[1];
    };

    it("health", async () => {
      const [a, b] = await serve(2);
      await put();
      await a.kill();
      await expectLines(head(), line(a, 0), line(b, 3));
      await site.keeper.reconcile();
      const dead = "configured 3 x gate 1 x drain 1 x health 0 = 0 (down); in the kernel 0";
      assert.equal(product(a), dead);
      assert.equal(product(b), "configured 3 x gate 1 x drain 1 x health 1 = 3; in the kernel 3");
    });

    it("a drain", async () => {
      const [a] = await serve(2);
      await put();
      await site.keeper.drain(`127.0.0.1:${a.port}`, undefined, "start");
      await site.keeper.reconcile();
      assert.equal(product(a), "configured 3 x gate 1 x drain 0 x health 1 = 0 (drained); in the kernel 0");
    });

    it("the gate", async () => {
      const [a, b] = await serve(2);
      const wanted = virtualServer([{ ...a.member, held: true }, b.member]);
      await site.director().change(putVirtualServer(ME, KEY, wanted, { known: false }));
      assert.match(product(a) ?? "", /^configured 3 x gate 0 x .* = 0 \(held\); in the kernel 0$/);
    });

    it("the quorum", async () => {
      const [a, b] = await serve(2);
      await put({ sorryServer: SORRY, quorum: { weight: 6, hysteresis: 0 }, scheduler: "sh" });
      await a.kill();
      await expectLines(head("sh"), SORRY_LINE);
      await site.keeper.reconcile();
      const out =
        "configured 3 x gate 1 x drain 1 x health 1 x quorum 0 = 0 (sorry server); not in the kernel";
      assert.equal(product(b), out);
    });

    it("a health that is not believed", async () => {
      const [a, b] = await serve(2);
      await put({ failOpenPercent: 60 });
      await a.kill();
      await expectDown(a);
      await expectLines(head(), line(a, 3), line(b, 3));
      assert.equal(product(a), "configured 3 x gate 1 x drain 1 x health 1 = 3; in the kernel 3");
    });
  });
});
