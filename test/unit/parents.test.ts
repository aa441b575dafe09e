import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import type { Fleet } from "../../provider/fleet";
import { realServerHandler } from "../../provider/real-server";
import { virtualServerHandler } from "../../provider/virtual-server";
import { Cluster, RealServer, VirtualServer } from "../../sdk";
import { FakeDirector } from "./fake-director";
import { IDENTITY, NONE, server } from "./pool-fixture";

const CLUSTER = { id: "me-1", label: "shop/prod Cluster edge", directors: [] };
const WEB = { name: "web", cluster: CLUSTER, ...IDENTITY, scheduler: "rr", healthCheck: NONE };
const MEMBER = { cluster: CLUSTER, ...server(1), drainMs: 0, healthCheck: NONE };
const VIRTUAL_SERVER = { ...IDENTITY, pool: "separate" };

describe("resources of one name under parents of different types", () => {
  const fleet = { of: () => [new FakeDirector("d1")], briefly: () => [] } as unknown as Fleet;
  const director = () => {
    const one = new FakeDirector("d1");
    return { of: () => [one], briefly: () => [] } as unknown as Fleet;
  };

  for (const [first, second] of [
    ["shop:Web", "bank:Web"],
    ["shop:Web", undefined],
    [undefined, "shop:Web"],
  ])
    it(`are two: one in ${first ?? "none"} is not written over by one in ${second ?? "none"}`, async () => {
      const over = director();
      await virtualServerHandler(over).create({ ...WEB, parent: first });
      const named = first === undefined ? "VirtualServer web of" : `VirtualServer web \\(in a ${first}\\) of`;
      await assert.rejects(virtualServerHandler(over).create({ ...WEB, parent: second, scheduler: "wlc" }), {
        code: "HEYE_ROLLOUT",
        message: new RegExp(`belongs to ${named} this stack.*\\[HEYE_OWNED_ELSEWHERE\\]`, "s"),
      });
    });

  it("are two as members of one pool as well", async () => {
    const over = director();
    await virtualServerHandler(over).create(WEB);
    const member = { ...MEMBER, name: "one", virtualServer: VIRTUAL_SERVER };
    await realServerHandler(over).create({ ...member, parent: "shop:Web" });
    await assert.rejects(realServerHandler(over).create({ ...member, parent: "bank:Web" }), {
      message: /belongs to RealServer one \(in a shop:Web\) of this stack/,
    });
  });

  it("are one when the parent is the same: a create that was killed is repeated", async () => {
    const over = director();
    for (const scheduler of ["rr", "wlc"])
      await virtualServerHandler(over).create({ ...WEB, parent: "shop:Web", scheduler });
  });

  it("are one when the state says so: it was moved into a component", async () => {
    const handler = virtualServerHandler(director());
    const { id, outputs } = await handler.create(WEB);
    const moved = { ...WEB, parent: "shop:Web", scheduler: "wlc" };
    assert.equal(handler.diff(outputs, { ...WEB, parent: "shop:Web" }).changes, false);
    const state = await handler.update(id, outputs, moved);
    assert.equal(state.parent, "shop:Web");
    await handler.delete(id, state);
  });

  it("say it in the inputs that pass a check, where there is one", () => {
    const handler = virtualServerHandler(fleet);
    assert.equal(handler.check({ ...WEB, parent: "shop:Web" }).inputs.parent, "shop:Web");
    assert.deepEqual(handler.check({ ...WEB, parent: "shop:Web" }).problems, []);
  });
});

describe("a program with components", () => {
  it("tells the provider of a parent that is one, and of no other", async () => {
    const parents = new Map<string, unknown>();
    await pulumi.runtime.setMocks({
      newResource: ({ name, inputs, type }) => {
        if (type.includes("heye:")) parents.set(name, inputs.parent);
        return { id: name, state: inputs };
      },
      call: ({ inputs }) => inputs,
    });
    const shop = new pulumi.ComponentResource("shop:Web", "shop");
    const cluster = new Cluster("edge", { directors: [{ name: "d1" }] });
    const address = { cluster, address: "192.0.2.1" };
    const outside = new VirtualServer("outside", { ...address, port: 80 });
    const inside = new VirtualServer("inside", { ...address, port: 81 }, { parent: shop });
    const member = new RealServer("member", { virtualServer: inside, address: "10.0.0.1" }, { parent: shop });
    const all = pulumi.all([outside, inside, member].map(({ urn }) => urn));
    await new Promise((resolve) => all.apply(resolve));
    assert.deepEqual(Object.fromEntries(parents), {
      edge: undefined,
      outside: undefined,
      inside: "shop:Web",
      member: "shop:Web",
    });
  });
});
