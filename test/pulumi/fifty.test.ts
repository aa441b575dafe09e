import assert from "node:assert/strict";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import { Cluster, VirtualServer } from "../../sdk";
import { Site } from "../lab/site";
import { edgeOf, outputsOf, QUICK, succeeded } from "./edge";
import { TestStack } from "./stack";

const DIRECTORS = 50;
/** Each of the three operations logs in to all of them anew; a machine that does other things as well takes its time. */
const LONGEST_MS = 600_000;

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

  const program: PulumiFn = async () => {
    // As many dials as by default: where fifty log in at once on a busy machine, one may take longer than a dial may.
    const directors = edgeOf(site).directors.map(
      ({ name, connection: { dialErrorLimit: _, ...connection } }) => ({
        name,
        connection,
      }),
    );
    new VirtualServer("web", {
      cluster: new Cluster("edge", { directors }),
      address: "192.0.2.10",
      port: 80,
      scheduler: "wrr",
      healthCheck: { type: "tcp", ...QUICK, deadlineMs: 30_000 },
      realServers: ["rs1", "rs2"].map((name) => ({ address: site.address(name), weight: 4, drainMs: 0 })),
    });
  };

  it("are filled, looked at and emptied as one", async function () {
    this.timeout(LONGEST_MS);
    succeeded(await stack.up(program));
    const tables = await site.tables();
    assert.equal(tables.length, DIRECTORS);
    const [first = ""] = tables;
    assert.equal(first.match(/ -w 4$/gm)?.length, 2);
    assert.deepEqual(new Set(tables), new Set([first]));
    assert.deepEqual(succeeded(await stack.preview(program)).steps, {});
    await site.on("d37", "ipvsadm", "-C");
    succeeded(await stack.refresh());
    const { drift } = outputsOf(await stack.state(), "web");
    assert.deepEqual(Object.keys(drift as object), ["d37"]);
    assert.deepEqual(succeeded(await stack.preview(program)).steps, { update: 1 });
    succeeded(await stack.destroy());
    await site.expectEmpty();
  });
});
