import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import { Cluster, RealServer, VirtualServer, type VirtualServerArgs } from "../../sdk";
import { Site } from "../lab/site";
import { edgeOf, QUICK, succeeded } from "./edge";
import { expectGolden } from "./golden";
import { TestStack } from "./stack";

/** A host that somebody else's provider makes: its address is known after `up`. */
class Machine extends pulumi.CustomResource {
  declare readonly address: pulumi.Output<string>;

  constructor(name: string) {
    const provider =
      "exports.handler=()=>({check:async(_,inputs)=>({inputs}),create:async()=>({id:'m',outs:{}})})";
    super("pulumi-nodejs:dynamic/test:Machine", name, { __provider: provider, address: undefined });
  }
}

/** What people read before they say yes; see golden/. Each follows the same state, so the order does not matter. */
describe("the preview of", () => {
  let site: Site;
  let stack: TestStack;
  before(async () => {
    site = await Site.up({ directors: 2, servers: 3, database: false });
    stack = await TestStack.create("dev");
    await expectGolden("create", succeeded(await stack.preview(program())).output);
    succeeded(await stack.up(program()));
  });
  after(async () => {
    await stack?.destroy();
    await stack?.remove();
    await site?.down();
  });

  const program =
    (web: Partial<VirtualServerArgs> = {}, weights: Record<string, number> = { rs1: 1, rs2: 1 }): PulumiFn =>
    async () => {
      const cluster = new Cluster("edge", edgeOf(site));
      new VirtualServer("web", {
        cluster,
        address: "192.0.2.10",
        port: 80,
        scheduler: "wrr",
        healthCheck: { type: "http", path: "/health", headers: { "X-Key": "s3cret" }, ...QUICK },
        realServers: [{ address: site.address("rs1"), weight: 2 }, { address: site.address("rs2") }],
        ...web,
      } as VirtualServerArgs);
      const echo = new VirtualServer("echo", { cluster, address: "2001:db8:100::30", port: 7000 });
      for (const [name, weight] of Object.entries(weights))
        new RealServer(`echo-${name}`, {
          virtualServer: echo,
          address: site.address(name, "ipv6"),
          weight,
          drainMs: 0,
        });
    };
  const pool = (weight: number) => [
    { address: site.address("rs1"), weight },
    { address: site.address("rs2") },
  ];
  const expectPreview = async (name: string, changed: PulumiFn, steps: Record<string, number>) => {
    const outcome = succeeded(await stack.preview(changed));
    assert.deepEqual(outcome.steps, steps, outcome.output);
    await expectGolden(name, outcome.output);
  };

  it("nothing", () => expectPreview("nothing", program(), {}));

  it("a weight", () =>
    expectPreview("weight", program({ realServers: pool(5) }, { rs1: 9, rs2: 1 }), { update: 2 }));

  it("a scheduler", () =>
    expectPreview(
      "scheduler",
      program({ scheduler: "mh", schedulerFlags: ["mh-fallback"], realServers: pool(2) }),
      { update: 1 },
    ));

  it("another port", () => expectPreview("port", program({ port: 8080 }), { replace: 1 }));

  it("a removal", () =>
    expectPreview("removal", program({ realServers: [{ address: site.address("rs2") }] }, { rs1: 1 }), {
      update: 1,
      delete: 1,
    }));

  it("a new server beside the others", () =>
    expectPreview("server", program({}, { rs1: 1, rs2: 1, rs3: 4 }), { create: 1 }));

  it("an address that is another resource's output", () => {
    const unknown: PulumiFn = async () => {
      await program()();
      const { address } = new Machine("machine");
      new VirtualServer("db", {
        cluster: new Cluster("other", edgeOf(site)),
        address,
        port: 3306,
        realServers: [{ address: address.apply((text) => `10.20.1.${text}`) }],
      });
    };
    return expectPreview("unknown", unknown, { create: 3 });
  });

  it("bad input, all of it at once, and nothing else", async () => {
    const bad = program({
      scheduler: "best" as never,
      port: 99_999,
      persistence: { timeoutS: 0, netmask: "255.0.255.0" },
      healthCheck: { type: "http", path: "health", expectedStatuses: ["200-100"], ...QUICK, rise: 0 },
      realServers: [
        { address: "rs1.example" },
        { address: "10.0.0.1", weight: -1 },
        { address: "2001:db8::1" },
        { address: "10.0.0.2", port: 81, forwarding: "dr" },
      ],
    });
    const outcome = await stack.preview(bad);
    assert.equal(outcome.ok, false);
    await expectGolden("bad-input", outcome.output);
  });
});
