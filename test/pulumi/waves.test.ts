import assert from "node:assert/strict";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import { Cluster, type RolloutArgs, VirtualServer } from "../../sdk";
import { emptyDisk, fillDisk } from "../lab/full-disk";
import { Site } from "../lab/site";
import { refusing } from "../lab/stand-in";
import { edgeOf, outputsOf, QUICK, sorted, succeeded } from "./edge";
import { TestStack } from "./stack";

const PAUSE_MS = 1_500;

describe("waves of directors", () => {
  let site: Site;
  let stack: TestStack;
  before(async () => {
    site = await Site.up({ directors: 3, servers: 3, database: false });
    stack = await TestStack.create("dev");
    succeeded(await stack.up(program(ONE_BY_ONE, 1)));
  });
  after(async () => {
    await stack?.destroy();
    await stack?.remove();
    await site?.down();
  });

  const ONE_BY_ONE: RolloutArgs = { canary: 1, waveSize: 1 };
  const program =
    (rollout: RolloutArgs, weight: number, mode: "agent" | "ssh" = "ssh"): PulumiFn =>
    async () => {
      new VirtualServer("web", {
        cluster: new Cluster("edge", { mode, ...edgeOf(site), rollout }),
        address: "192.0.2.10",
        port: 80,
        scheduler: "wrr",
        healthCheck: { type: "tcp", ...QUICK },
        realServers: [{ address: site.address("rs1"), weight }, { address: site.address("rs2") }],
      });
    };
  const weights = async () =>
    (await site.tables()).map((table) =>
      Number(new RegExp(`${site.address("rs1")}:80 -m -w (\\d+)`).exec(table)?.[1]),
    );

  // keepalived#1669 and #1741: no way back from a bad reload.
  it("stop where one fails: the canary is put back, the last is not begun, and it is said who holds what", async () => {
    const before = await site.tables();
    const untouched = await site.snapshot("d3");
    const failed = await refusing(site, "d2", "-w 5", () => stack.up(program(ONE_BY_ONE, 5)));
    assert.equal(failed.ok, false);
    assert.match(
      failed.output,
      /1 of 3 directors failed:\n\s+director d2: the kernel did not take the change/,
    );
    assert.match(failed.output, /Put back to what they held before: d1\. Their wave had not begun: d3\./);
    assert.deepEqual((await site.tables()).map(sorted), before.map(sorted));
    assert.equal(await site.snapshot("d3"), untouched);
  });

  it("go over all directors when the same is tried again", async () => {
    assert.deepEqual(succeeded(await stack.up(program(ONE_BY_ONE, 5))).steps, { update: 1 });
    assert.deepEqual(await weights(), [5, 5, 5]);
    assert.deepEqual(succeeded(await stack.preview(program(ONE_BY_ONE, 5))).steps, {});
  });

  it("bear as many failures as they may, and the next up completes those", async () => {
    const bearing = { ...ONE_BY_ONE, maxFailures: 1 };
    const done = await refusing(site, "d2", "-w 6", () => stack.up(program(bearing, 6)));
    succeeded(done);
    assert.match(done.output, /warning: left out: director d2: the kernel did not take the change/);
    assert.deepEqual(await weights(), [6, 5, 6]);
    const behind = outputsOf(await stack.state(), "web").behind as Record<string, string>;
    assert.deepEqual(Object.keys(behind), ["d2"]);
    assert.deepEqual(succeeded(await stack.up(program(bearing, 6))).steps, { update: 1 });
    assert.deepEqual(await weights(), [6, 6, 6]);
    assert.equal(outputsOf(await stack.state(), "web").behind, undefined);
  });

  it("wait between one and the next", async () => {
    succeeded(await stack.up(program({ canary: 1, pauseMs: PAUSE_MS }, 7)));
    const written = await Promise.all(
      site.directorNames.map(async (name) =>
        Number(await site.on(name, "sh", "-c", "date -r /var/lib/heye/registry +%s%3N")),
      ),
    );
    const [canary = 0, ...others] = written;
    // The directors' clock is one and the same; a timer may be a moment early.
    for (const other of others) assert.ok(other - canary >= PAUSE_MS - 50, written.join(" "));
  });

  describe("of agents", () => {
    const byAgents = (rollout: RolloutArgs, weight: number) => program(rollout, weight, "agent");
    /** A director whose disk takes no change; its agent looks and forwards as before. */
    const full = async <T>(director: string, act: () => Promise<T>): Promise<T> => {
      await fillDisk(site, director);
      try {
        return await act();
      } finally {
        await emptyDisk(site, director);
      }
    };
    const registries = () =>
      Promise.all(site.directorNames.map((name) => site.on(name, "cat", "/var/lib/heye/registry")));

    before(async () => {
      succeeded(await stack.up(byAgents(ONE_BY_ONE, 1)));
    });

    it("stop where one has no room for it: the canary is put back, the last is not begun, and all hold what they held", async () => {
      const [before, declared] = [await site.tables(), await registries()];
      const [canary, untouched] = [await site.snapshot("d1"), await site.snapshot("d3")];
      const failed = await full("d2", () => stack.up(byAgents(ONE_BY_ONE, 5)));
      assert.equal(failed.ok, false);
      assert.match(
        failed.output,
        /1 of 3 directors failed:\n\s+director d2: \/var\/lib\/heye does not take the change.*HEYE_NOT_WRITABLE/s,
      );
      assert.match(failed.output, /Put back to what they held before: d1\. Their wave had not begun: d3\./);
      assert.deepEqual((await site.tables()).map(sorted), before.map(sorted));
      assert.deepEqual(await registries(), declared);
      assert.notEqual(await site.snapshot("d1"), canary, "the canary has had the change");
      assert.equal(await site.snapshot("d3"), untouched);
    });

    it("bear as many failures as they may, and the next up completes those", async () => {
      const bearing = { ...ONE_BY_ONE, maxFailures: 1 };
      const done = succeeded(await full("d2", () => stack.up(byAgents(bearing, 6))));
      assert.match(done.output, /warning: left out: director d2: \/var\/lib\/heye does not take the change/);
      assert.deepEqual(await weights(), [6, 1, 6]);
      assert.deepEqual(succeeded(await stack.up(byAgents(bearing, 6))).steps, { update: 1 });
      assert.deepEqual(await weights(), [6, 6, 6]);
      assert.equal(outputsOf(await stack.state(), "web").behind, undefined);
    });
  });
});
