import assert from "node:assert/strict";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import { Cluster, VirtualServer } from "../../sdk";
import { Site } from "../lab/site";
import { edgeOf, outputsOf, QUICK, succeeded } from "./edge";
import { TestStack } from "./stack";

const DIRECTORS = 50;

describe(`${DIRECTORS} directors`, () => {
  let site: Site;
  let stack: TestStack;
  before(async () => {
    site = await Site.up({ directors: DIRECTORS, servers: 2, database: false });
    stack = await TestStack.create("dev");
  });
  after(async () => {
    await stack?.remove();
    await site?.down();
  });

  const program =
    (weight: number): PulumiFn =>
    async () => {
      new VirtualServer("web", {
        cluster: new Cluster("edge", edgeOf(site)),
        address: "192.0.2.10",
        port: 80,
        scheduler: "wrr",
        healthCheck: { type: "tcp", ...QUICK, deadlineMs: 30_000 },
        realServers: ["rs1", "rs2"].map((name) => ({ address: site.address(name), weight })),
      });
    };

  it("are filled, changed, looked at and emptied as one", async () => {
    succeeded(await stack.up(program(1)));
    succeeded(await stack.up(program(4)));
    const tables = await site.tables();
    assert.equal(tables.length, DIRECTORS);
    const [first = ""] = tables;
    assert.equal(first.match(/ -w 4$/gm)?.length, 2);
    assert.deepEqual(new Set(tables), new Set([first]));
    await site.on("d37", "ipvsadm", "-C");
    succeeded(await stack.refresh());
    const { drift } = outputsOf(await stack.state(), "web");
    assert.deepEqual(Object.keys(drift as object), ["d37"]);
    assert.deepEqual(succeeded(await stack.preview(program(4))).steps, { update: 1 });
    succeeded(await stack.up(program(4)));
    assert.deepEqual(new Set(await site.tables()), new Set([first]));
    assert.deepEqual(succeeded(await stack.preview(program(4))).steps, {});
    succeeded(await stack.destroy());
    await site.expectEmpty();
  });
});
