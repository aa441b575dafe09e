import assert from "node:assert/strict";
import type { PulumiFn } from "@pulumi/pulumi/automation";
import { Cluster, RealServer, VirtualServer, type VirtualServerArgs } from "../../sdk";
import { Site } from "../lab/site";
import { type Outcome, TestStack } from "./stack";

const QUICK = { intervalMs: 50, rise: 1, timeoutMs: 2_000, deadlineMs: 5_000 };

describe("resources through the real engine", () => {
  let site: Site;
  let stack: TestStack;
  before(async () => {
    site = await Site.up({ directors: 3, servers: 4 });
  });
  after(() => site?.down());
  beforeEach(async () => {
    stack = await TestStack.create("dev");
  });
  afterEach(async function () {
    succeeded(await stack.destroy());
    await stack.remove();
    if (this.currentTest?.isFailed()) await site.wipe();
    else await site.expectEmpty();
  });

  const cluster = (count = 3) =>
    new Cluster("edge", {
      directors: site.lab.inventory.directors
        .slice(0, count)
        .map(({ name, host, port, user, privateKey, hostKey }) => ({
          name,
          connection: { host, port, user, privateKey, hostKey, dialErrorLimit: 1 },
        })),
    });
  const web =
    (overrides: Partial<VirtualServerArgs> = {}, directors = 3): PulumiFn =>
    async () => {
      new VirtualServer("web", {
        cluster: cluster(directors),
        address: "192.0.2.10",
        port: 80,
        scheduler: "rr",
        healthCheck: { type: "http", path: "/health", ...QUICK },
        realServers: [{ address: site.address("rs1") }, { address: site.address("rs2") }],
        ...overrides,
      } as VirtualServerArgs);
    };
  const database =
    (password = site.lab.inventory.mysql?.password ?? ""): PulumiFn =>
    async () => {
      new VirtualServer("db", {
        cluster: cluster(),
        address: "192.0.2.20",
        port: 3306,
        healthCheck: { type: "mysql", user: "heye", password, ...QUICK },
        realServers: [{ address: site.address("db1") }],
      });
    };
  const separate =
    (weights: Record<string, number>, options: { inline?: boolean } = {}): PulumiFn =>
    async () => {
      const echo = new VirtualServer("echo", {
        cluster: cluster(),
        address: "192.0.2.30",
        port: 7000,
        scheduler: "wrr",
        healthCheck: { type: "tcp", ...QUICK },
        ...(options.inline && { realServers: [] }),
      });
      for (const [server, weight] of Object.entries(weights)) {
        new RealServer(`echo-${server}`, { virtualServer: echo, address: site.address(server), weight });
      }
    };

  it("up makes the tables, traffic flows, and a second preview has nothing to do", async () => {
    const done = succeeded(await stack.up(web()));
    assert.deepEqual(done.steps, { create: 3 });
    for (const table of await site.tables()) assert.match(table, /^-A -t 192\.0\.2\.10:80 -s rr$/m);
    assert.deepEqual([...(await site.requests("http://192.0.2.10/", 12)).keys()].sort(), ["rs1", "rs2"]);
    assert.deepEqual(succeeded(await stack.preview(web())).steps, {});
    const reordered = {
      realServers: [{ address: site.address("rs2"), port: 80, weight: 1 }, { address: site.address("rs1") }],
    };
    assert.deepEqual(succeeded(await stack.preview(web(reordered))).steps, {});
  });

  it("preview names exactly what up then does", async () => {
    succeeded(await stack.up(web()));
    const changed = web({
      scheduler: "wrr",
      realServers: [{ address: site.address("rs1"), weight: 3 }, { address: site.address("rs3") }],
    });
    const planned = succeeded(await stack.preview(changed));
    assert.match(planned.output, /~ scheduler *: "rr" => "wrr"/);
    assert.match(planned.output, /~ weight *: 1 => 3/);
    const before = await site.tables();
    const done = succeeded(await stack.up(changed));
    assert.deepEqual(planned.steps, { update: 1 });
    assert.deepEqual(done.steps, planned.steps);
    assert.notDeepEqual(await site.tables(), before);
    for (const table of await site.tables()) assert.equal(table, (await site.tables())[0]);
  });

  it("bad input fails at preview, all of it at once, with property paths", async () => {
    succeeded(await stack.up(web()));
    const before = await site.tables();
    const bad = await stack.preview(
      web({
        scheduler: "best" as never,
        port: 99_999,
        realServers: [{ address: "rs1.example" }, { address: "10.0.0.1", weight: -1 }],
      }),
    );
    assert.equal(bad.ok, false);
    for (const path of ["scheduler", "port", "realServers[0].address", "realServers[1].weight"]) {
      assert.ok(bad.output.includes(path), `${path} in\n${bad.output}`);
    }
    assert.deepEqual(await site.tables(), before);
  });

  // terraform-provider-aws#494: an apply ended well whether or not any server was healthy.
  it("a server that fails its gate keeps a new resource from completing, and the next up lets it in", async () => {
    await site.lab.fault.setHealth("rs2", 503);
    const program = web({ healthCheck: { type: "http", path: "/health", ...QUICK, deadlineMs: 3_000 } });
    const failed = await stack.up(program);
    assert.equal(failed.ok, false);
    assert.match(
      failed.output,
      new RegExp(`${site.address("rs2")}:80 from director d2: http HEAD /health on .*: HTTP 503`),
    );
    for (const table of await site.tables()) assert.deepEqual(table.match(/ -w \d+$/gm), [" -w 0", " -w 0"]);
    assert.equal(
      (await stack.state()).resources.filter(({ type }) => type.endsWith("VirtualServer")).length,
      1,
    );
    await site.lab.fault.setHealth("rs2", 200);
    assert.deepEqual(succeeded(await stack.up(program)).steps, { update: 1 });
    for (const table of await site.tables()) assert.deepEqual(table.match(/ -w \d+$/gm), [" -w 1", " -w 1"]);
  });

  it("a refresh does not forget that servers are held back", async () => {
    await site.lab.fault.setHealth("rs2", 503);
    const program = web({ healthCheck: { type: "http", path: "/health", ...QUICK, deadlineMs: 3_000 } });
    assert.equal((await stack.up(program)).ok, false);
    succeeded(await stack.refresh());
    assert.deepEqual(succeeded(await stack.preview(program)).steps, { update: 1 });
    await site.lab.fault.setHealth("rs2", 200);
    succeeded(await stack.up(program));
    assert.deepEqual(succeeded(await stack.preview(program)).steps, {});
  });

  it("a server that fails its gate stops an update before any table is touched", async () => {
    succeeded(await stack.up(web()));
    const before = await site.tables();
    await site.lab.fault.setHealth("rs3", 503);
    const changed = web({
      healthCheck: { type: "http", path: "/health", ...QUICK, deadlineMs: 3_000 },
      realServers: [{ address: site.address("rs3") }],
    });
    const failed = await stack.up(changed);
    assert.equal(failed.ok, false);
    assert.match(failed.output, /Nothing was changed on any director/);
    assert.deepEqual(await site.tables(), before);
    await site.lab.fault.setHealth("rs3", 200);
    assert.deepEqual(succeeded(await stack.preview(web())).steps, {});
  });

  it("refresh shows what was changed by hand, and up repairs it", async () => {
    succeeded(await stack.up(web()));
    const before = await site.tables();
    await site.on(
      "d2",
      "ipvsadm",
      "-e",
      "-t",
      "192.0.2.10:80",
      "-r",
      `${site.address("rs1")}:80`,
      "-m",
      "-w",
      "50",
    );
    await site.on("d3", "ipvsadm", "-C");
    succeeded(await stack.refresh());
    const planned = succeeded(await stack.preview(web()));
    assert.deepEqual(planned.steps, { update: 1 });
    assert.match(planned.output, /- drift/);
    assert.match(planned.output, /d2: \[\n.*-r 10\.20\.1\.2:80 -m -w 1/);
    assert.match(planned.output, /d3: \[\n.*virtual server tcp 192\.0\.2\.10:80 is missing/);
    // d1 serves as declared: nothing may look as if the pool were gone.
    assert.doesNotMatch(planned.output, /[~+-] (weight|forwarding)/);
    succeeded(await stack.up(web()));
    assert.deepEqual((await site.tables()).map(sorted), before.map(sorted));
    assert.deepEqual(succeeded(await stack.preview(web())).steps, {});
  });

  it("a director that cannot be reached is no empty one: refresh keeps the state and says so", async () => {
    succeeded(await stack.up(web()));
    await site.lab.fault.stopService("d3", "sshd");
    const refreshed = await stack.refresh();
    assert.equal(refreshed.ok, true, refreshed.output);
    assert.match(refreshed.output, /director d3: cannot reach/);
    await site.lab.fault.startService("d3", "sshd");
    assert.equal((await stack.state()).resources.filter(({ type }) => type.includes("heye:")).length, 2);
    assert.deepEqual(succeeded(await stack.preview(web())).steps, {});
  });

  // terraform-provider-hcloud#201: another port deleted the wrong service.
  it("another port replaces: the new one serves before the old one goes", async () => {
    succeeded(await stack.up(web()));
    const done = succeeded(await stack.up(web({ port: 8080 })));
    assert.deepEqual(done.steps, { replace: 1 });
    const order = done.events.flatMap(({ resOutputsEvent }) =>
      resOutputsEvent ? [resOutputsEvent.metadata.op] : [],
    );
    assert.ok(order.indexOf("create-replacement") < order.indexOf("delete-replaced"), order.join(" "));
    for (const table of await site.tables())
      assert.deepEqual(table.match(/^-A .*$/gm), ["-A -t 192.0.2.10:8080 -s rr"]);
  });

  it("a rename with an alias touches no kernel; one without is refused before it can do harm", async () => {
    succeeded(await stack.up(web()));
    const before = await site.snapshots();
    const renamed =
      (aliases: { name: string }[], scheduler: "rr" | "wrr" = "rr"): PulumiFn =>
      async () => {
        new VirtualServer(
          "shop",
          {
            cluster: cluster(),
            address: "192.0.2.10",
            port: 80,
            scheduler,
            healthCheck: { type: "http", path: "/health", ...QUICK },
            realServers: [{ address: site.address("rs1") }, { address: site.address("rs2") }],
          },
          { aliases },
        );
      };
    const refused = await stack.up(renamed([]));
    assert.equal(refused.ok, false);
    assert.match(refused.output, /belongs to VirtualServer web of this stack.*aliases/s);
    succeeded(await stack.up(renamed([{ name: "web" }])));
    assert.deepEqual(await site.snapshots(), before);
    assert.deepEqual(succeeded(await stack.up(renamed([{ name: "web" }], "wrr"))).steps, { update: 1 });
  });

  it("a forced replacement leaves the service standing", async () => {
    succeeded(await stack.up(web()));
    const before = await site.tables();
    const { resources } = await stack.state();
    const urn = resources.find(({ type }) => type.endsWith(":VirtualServer"))?.urn ?? "";
    assert.deepEqual(succeeded(await stack.up(web(), [urn])).steps, { replace: 1 });
    assert.deepEqual(await site.tables(), before);
    assert.deepEqual(succeeded(await stack.preview(web())).steps, {});
  });

  it("a director that joins gets the tables, one that leaves loses them", async () => {
    succeeded(await stack.up(web({}, 2)));
    const joined = succeeded(await stack.preview(web()));
    assert.match(joined.output, /\+ *name *: "d3"/);
    succeeded(await stack.up(web()));
    assert.equal(await site.table("d3"), await site.table("d1"));
    succeeded(await stack.up(web({}, 2)));
    assert.equal(await site.table("d3"), "");
  });

  it("real servers of their own come, change and go one by one", async () => {
    assert.deepEqual(succeeded(await stack.up(separate({ rs1: 1, rs2: 1 }))).steps, { create: 5 });
    assert.deepEqual(succeeded(await stack.up(separate({ rs1: 4, rs3: 1 }))).steps, {
      create: 1,
      update: 1,
      delete: 1,
    });
    for (const table of await site.tables()) {
      assert.deepEqual(table.match(/^-a .*$/gm)?.sort(), [
        `-a -t 192.0.2.30:7000 -r ${site.address("rs1")}:7000 -m -w 4`,
        `-a -t 192.0.2.30:7000 -r ${site.address("rs3")}:7000 -m -w 1`,
      ]);
    }
    assert.deepEqual(succeeded(await stack.preview(separate({ rs1: 4, rs3: 1 }))).steps, {});
  });

  it("a real server beside an inline pool is refused at preview", async () => {
    const refused = await stack.preview(separate({ rs1: 1 }, { inline: true }));
    assert.equal(refused.ok, false);
    assert.match(refused.output, /virtualServer.*expected a virtual server without `realServers`/s);
  });

  it("no secret lies in the state or in anything that is printed, also after a failure", async () => {
    const [{ privateKey } = { privateKey: "" }] = site.lab.inventory.directors;
    const password = site.lab.inventory.mysql?.password ?? "";
    const withHeaders = (path: string) => {
      const check = { type: "http", method: "GET", ...QUICK } as const;
      const member = { ...check, path: "/health", headers: { "X-Key": "planted-member" } };
      return web({
        healthCheck: { ...check, path, headers: { Authorization: "planted-header" }, bodyRegex: "." },
        realServers: [
          { address: site.address("rs1") },
          { address: site.address("rs2"), healthCheck: member },
        ],
      });
    };
    const outcomes = [
      await stack.preview(database()),
      succeeded(await stack.up(database())),
      await stack.refresh(),
      await stack.up(
        web({
          address: "192.0.2.20",
          port: 3306,
          healthCheck: {
            type: "mysql",
            user: "heye",
            password: "planted-wrong",
            ...QUICK,
            deadlineMs: 3_000,
          },
        }),
      ),
      await stack.up(database("planted-other")),
      await stack.preview(database()),
      succeeded(await stack.up(withHeaders("/health"))),
      await stack.preview(withHeaders("/other")),
    ];
    assert.match(outcomes.at(-1)?.output ?? "", /path *: "\/health" => "\/other"/);
    const { text } = await stack.state();
    const registry = await site.on("d1", "sh", "-c", "cat /var/lib/heye/* /proc/[0-9]*/cmdline");
    // Debug messages of Pulumi's own SDK hold every resource in full, whatever the provider; they are shown to nobody.
    const shown = ({ events }: Outcome) =>
      events.filter(({ diagnosticEvent }) => String(diagnosticEvent?.severity) !== "debug");
    const printed = outcomes.map((outcome) => outcome.output + JSON.stringify(shown(outcome))).join("\n");
    const keyLine = privateKey.split("\n")[2] ?? "";
    assert.ok(keyLine.length > 40 && password.length > 4);
    for (const secret of [
      keyLine,
      password,
      "planted-wrong",
      "planted-other",
      "planted-header",
      "planted-member",
    ]) {
      for (const [where, what] of Object.entries({ state: text, printed, registry })) {
        assert.ok(!what.includes(secret), `${secret.slice(0, 12)} in ${where}`);
      }
    }
    const { resources } = await stack.state();
    assert.match(
      JSON.stringify(resources.find(({ type }) => type.endsWith(":Cluster"))?.inputs.directors),
      /"name":"d1"/,
    );
    for (const { inputs } of resources.filter(({ type }) => type.includes("heye:"))) {
      assert.match(
        String(inputs.__provider),
        /^exports\.handler=\(\)=>require\("pulumi-heye\/provider"\)\.provider\("\w+"\)$/,
      );
    }
  });
});

function succeeded(outcome: Outcome): Outcome {
  assert.ok(outcome.ok, outcome.output);
  return outcome;
}

const sorted = (table: string) => table.trim().split("\n").sort();
