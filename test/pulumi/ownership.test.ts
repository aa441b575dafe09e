import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { CustomResourceOptions } from "@pulumi/pulumi";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import { Cluster, RealServer, VirtualServer, type VirtualServerArgs } from "../../sdk";
import { Site } from "../lab/site";
import { edgeOf, QUICK, sorted, succeeded } from "./edge";
import { type Ended, ProgramFolder } from "./program-folder";
import { TestStack } from "./stack";

const SERVICE = "192.0.2.10:80";

describe("who owns what", () => {
  let site: Site;
  let stack: TestStack;
  before(async () => {
    site = await Site.up({ directors: 3, servers: 4, database: false });
    stack = await TestStack.create("dev");
  });
  after(async () => {
    await stack?.remove();
    await site?.down();
  });
  afterEach(async function () {
    if (this.currentTest?.isFailed()) await site.wipe();
    else await site.expectEmpty();
  });

  const argsOf = (overrides: Partial<VirtualServerArgs> = {}) =>
    ({
      address: "192.0.2.10",
      port: 80,
      scheduler: "rr",
      healthCheck: { type: "tcp", ...QUICK },
      realServers: ["rs1", "rs2"].map((name) => ({ address: site.address(name), drainMs: 0 })),
      ...overrides,
    }) as Omit<VirtualServerArgs, "cluster">;
  const web =
    (overrides: Partial<VirtualServerArgs> = {}): PulumiFn =>
    async () => {
      const cluster = new Cluster("edge", edgeOf(site));
      new VirtualServer("web", { ...argsOf(overrides), cluster } as VirtualServerArgs);
    };
  const onEach = (...argv: string[]) => Promise.all(site.directorNames.map((name) => site.on(name, ...argv)));
  /** Connections that each entry has had: a new entry begins at 0. */
  const connections = async () =>
    (await onEach("ipvsadm", "--list", "-n", "--stats", "--exact")).map((text) =>
      [...text.matchAll(/ (\d\S*:\d+) +(\d+)/g)].map(([, entry, count]) => `${entry} ${count}`),
    );
  /** The same when as many have been counted as were made: the kernel adds them up every two seconds. */
  const settled = async (made: number): Promise<string[][]> => {
    for (let tries = 0; tries < 200; tries++) {
      const counted = await connections();
      const services = counted.flat().filter((line) => line.startsWith(`${SERVICE} `));
      if (services.reduce((sum, line) => sum + Number(line.split(" ")[1]), 0) === made) return counted;
      await delay(100);
    }
    return assert.fail(`expected ${made} connections, found ${JSON.stringify(await connections())}`);
  };

  it("an entry of nobody is refused, taken over where that is asked for, and then ours to destroy", async () => {
    for (const rule of [
      ["-A", "-t", SERVICE, "-s", "rr"],
      ...["rs2", "rs1"].map((name) => ["-a", "-t", SERVICE, "-r", `${site.address(name)}:80`, "-m"]),
    ])
      await onEach("ipvsadm", ...rule);
    await site.requests("http://192.0.2.10/", 12);
    const [tables, counted] = [await site.tables(), await settled(12)];

    const refused = await stack.up(web());
    assert.equal(refused.ok, false);
    assert.match(
      refused.output,
      /virtual server tcp 192\.0\.2\.10:80 already exists and belongs to no stack/,
    );
    assert.deepEqual(await site.tables(), tables);

    succeeded(await stack.up(web({ adopt: true })));
    assert.deepEqual(await site.tables(), tables);
    assert.deepEqual(await connections(), counted);
    assert.deepEqual(succeeded(await stack.preview(web({ adopt: true }))).steps, {});
    assert.deepEqual(succeeded(await stack.preview(web())).steps, {});
    succeeded(await stack.destroy());
  });

  it("an entry of nobody that differs is edited in place when it is taken over", async () => {
    await onEach("ipvsadm", "-A", "-t", SERVICE, "-s", "lc");
    await onEach("ipvsadm", "-a", "-t", SERVICE, "-r", `${site.address("rs2")}:80`, "-m", "-w", "9");
    await site.requests("http://192.0.2.10/", 9);
    const counted = await settled(9);
    const kept = (lines: string[]) =>
      lines.filter((line) => line.startsWith(SERVICE) || line.startsWith(`${site.address("rs2")}:80`));
    succeeded(await stack.up(web({ adopt: true })));
    assert.deepEqual((await connections()).map(kept), counted.map(kept));
    for (const table of await site.tables())
      assert.deepEqual(sorted(table), [
        `-A -t ${SERVICE} -s rr`,
        ...["rs1", "rs2"].map((name) => `-a -t ${SERVICE} -r ${site.address(name)}:80 -m -w 1`),
      ]);
    succeeded(await stack.destroy());
  });

  // Processes of their own: programs inside one process share what catches their errors, so that what goes wrong with one
  // connection to an engine fails them all.
  it("two stacks at the same time both get their way, and each takes away its own alone", async () => {
    const [dev, other] = await Promise.all([ProgramFolder.create("dev"), ProgramFolder.create("other")]);
    const up = async (folder: ProgramFolder, overrides: Partial<VirtualServerArgs>) => {
      await folder.declare({ cluster: edgeOf(site), virtualServers: { web: argsOf(overrides) } });
      return folder.up();
    };
    const worked = ({ code, output }: Ended) => assert.equal(code, 0, output);
    try {
      for (const [mine, theirs] of [
        ["rr", "rr"],
        ["wrr", "wlc"],
      ] as const)
        (
          await Promise.all([up(dev, { scheduler: mine }), up(other, { port: 8080, scheduler: theirs })])
        ).forEach(worked);
      for (const table of await site.tables())
        assert.deepEqual(
          sorted(table).filter((line) => line.startsWith("-A")),
          [`-A -t ${SERVICE} -s wrr`, "-A -t 192.0.2.10:8080 -s wlc"],
        );
      const taken = await up(other, {});
      assert.notEqual(taken.code, 0, taken.output);
      assert.match(taken.output, /belongs to heye-test\/dev Cluster edge \(VirtualServer web\)/);
      const before = await site.tables();
      worked(await dev.destroy());
      const left = (table: string) => sorted(table).filter((line) => line.includes(":8080 "));
      assert.deepEqual((await site.tables()).map(sorted), before.map(left));
      worked(await other.destroy());
    } finally {
      await Promise.all([dev.remove(), other.remove()]);
    }
  });

  it("new names for everything change nothing in the kernel, with aliases", async () => {
    const named =
      (names: Record<"edge" | "echo" | "server", string>, weight = 1): PulumiFn =>
      async () => {
        const options = (old: string): CustomResourceOptions => ({ aliases: [{ name: old }] });
        const cluster = new Cluster(names.edge, edgeOf(site), options("edge"));
        const echo = new VirtualServer(
          names.echo,
          { cluster, address: "192.0.2.30", port: 7000, scheduler: "wrr" },
          options("echo"),
        );
        new RealServer(
          names.server,
          { virtualServer: echo, address: site.address("rs1"), weight, drainMs: 0 },
          options("server"),
        );
      };
    const renamed = { edge: "border", echo: "shout", server: "first" };
    succeeded(await stack.up(named({ edge: "edge", echo: "echo", server: "server" })));
    const tables = await site.tables();
    const done = succeeded(await stack.up(named(renamed)));
    assert.deepEqual(
      [done.steps.create, done.steps.delete, done.steps.replace],
      [undefined, undefined, undefined],
    );
    assert.deepEqual(await site.tables(), tables);
    assert.deepEqual(succeeded(await stack.preview(named(renamed))).steps, {});
    succeeded(await stack.up(named(renamed, 3)));
    for (const table of await site.tables()) assert.match(table, / -w 3$/m);
    succeeded(await stack.destroy());
  });
});
