import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import { agentProgram } from "../../provider/agents";
import { Cluster, RealServer, VirtualServer } from "../../sdk";
import { Site } from "../lab/site";
import { edgeOf, QUICK, sorted, succeeded } from "./edge";
import { expectGolden } from "./golden";
import { TestStack } from "./stack";

const HTTP = { type: "http", path: "/health", ...QUICK, intervalMs: 200, timeoutMs: 4_000, fall: 3 } as const;

describe("a program whose directors have agents", () => {
  let site: Site;
  let stack: TestStack;
  before(async () => {
    site = await Site.up({ directors: 2, servers: 3, database: false });
    stack = await TestStack.create("dev");
  });
  after(async () => {
    await stack?.destroy();
    await stack?.remove();
    await site?.down();
  });

  /** A pool in a list and a separate one. */
  const program =
    (weight = 1, separate: readonly string[] = ["rs1", "rs2"]): PulumiFn =>
    async () => {
      const cluster = new Cluster("edge", { mode: "agent", ...edgeOf(site) });
      const realServers = ["rs1", "rs2"].map((name) => ({ address: site.address(name), weight, drainMs: 0 }));
      const web = { cluster, port: 80, scheduler: "wrr", healthCheck: HTTP } as const;
      new VirtualServer("web", { ...web, address: "192.0.2.10", realServers });
      const shop = new VirtualServer("shop", { ...web, address: "192.0.2.11" });
      for (const name of separate)
        new RealServer(name, {
          virtualServer: shop,
          address: site.address(name),
          drainMs: 0,
          healthCheck: HTTP,
        });
    };
  const rule = (address: string, server: string, weight: number) =>
    `-a -t ${address}:80 -r ${site.address(server)}:80 -m -w ${weight}`;
  const heads = ["-A -t 192.0.2.10:80 -s wrr", "-A -t 192.0.2.11:80 -s wrr"];
  const expectTables = async (...rules: string[]) => {
    const wanted = [...heads, ...rules].sort();
    const deadline = Date.now() + 20_000;
    for (const director of site.directorNames) {
      for (;;) {
        const found = sorted(await site.table(director));
        if (JSON.stringify(found) === JSON.stringify(wanted)) break;
        if (Date.now() > deadline) assert.deepEqual(found, wanted, director);
        await delay(200);
      }
    }
  };
  const all = (weight = 1) => [
    ...["rs1", "rs2"].map((server) => rule("192.0.2.10", server, weight)),
    ...["rs1", "rs2"].map((server) => rule("192.0.2.11", server, 1)),
  ];

  it("installs them, and serves", async () => {
    const { output } = succeeded(await stack.up(program()));
    assert.match(output, /director d1: agent \S+ installed/);
    await expectTables(...all());
    assert.equal((await site.requests("http://192.0.2.11/", 8)).size, 2);
  });

  // The state is what a package of another version would have left: it has no other trace in it.
  it("shows in a preview that the agents are of another version, and what replaces them", async () => {
    const { version } = agentProgram();
    await stack.rewrite((text) => text.replaceAll(`"${version}"`, '"0.0.9+older"'));
    const { output, steps } = succeeded(await stack.preview(program()));
    assert.deepEqual(steps, { update: 1 }, output);
    assert.match(output, /~ agent +: "0\.0\.9\+older" => "/);
    assert.ok(output.includes(`=> "${version}"`), output);
    await expectGolden("agent-version", output);
    assert.deepEqual(succeeded(await stack.up(program())).steps, { update: 1 });
  });

  it("sees no change and no drift when a server has died, and lets it in by nothing", async () => {
    await site.lab.fault.setHealth("rs2", 503);
    const down = [
      ...[rule("192.0.2.10", "rs1", 1), rule("192.0.2.10", "rs2", 0)],
      ...[rule("192.0.2.11", "rs1", 1), rule("192.0.2.11", "rs2", 0)],
    ];
    await expectTables(...down);
    succeeded(await stack.refresh());
    const { steps, output } = succeeded(await stack.up(program()));
    assert.deepEqual(steps, {}, output);
    await expectTables(...down);
    // A change of the pool that the dead server is in waits for nobody: it serves already, as far as is declared.
    succeeded(await stack.up(program(4)));
    await expectTables(
      ...[rule("192.0.2.10", "rs1", 4), rule("192.0.2.10", "rs2", 0)],
      ...[rule("192.0.2.11", "rs1", 1), rule("192.0.2.11", "rs2", 0)],
    );
    await site.lab.fault.setHealth("rs2", 200);
    await expectTables(...all(4));
  });

  it("gates a new server by the agents, and holds nothing back for good", async () => {
    await site.lab.fault.setHealth("rs3", 503);
    const refused = await stack.up(program(4, ["rs1", "rs2", "rs3"]));
    assert.equal(refused.ok, false);
    assert.match(
      refused.output,
      /10\.20\.1\.4:80 from director d2: http HEAD \/health on 10\.20\.1\.4:80: HTTP 503/,
    );
    await expectTables(...all(4), rule("192.0.2.11", "rs3", 0));
    await site.lab.fault.setHealth("rs3", 200);
    succeeded(await stack.up(program(4, ["rs1", "rs2", "rs3"])));
    await expectTables(...all(4), rule("192.0.2.11", "rs3", 1));
    succeeded(await stack.up(program(4)));
    await expectTables(...all(4));
  });

  it("leaves nothing behind", async () => {
    succeeded(await stack.destroy());
    await site.expectEmpty();
  });
});
