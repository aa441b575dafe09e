import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { Fleet, handlerFor } from "../../provider";
import { InitialisationError } from "../../provider/handler";
import { SCHEDULERS } from "../../spec";
import { Made, QUICK, Site } from "./site";
import { refusing, replacing } from "./stand-in";

const TCP = { type: "tcp", ...QUICK };
const HTTP = { type: "http", path: "/health", ...QUICK };

describe("resources on real directors", () => {
  let site: Site;
  before(async () => {
    site = await Site.up({ directors: 3, servers: 4 });
  });
  after(() => site?.down());
  // Every case cleans up after itself: nothing in any kernel, nothing registered.
  afterEach(async function () {
    if (this.currentTest?.isFailed()) await site.wipe();
    else await site.expectEmpty();
  });

  /** How often a director's table was written. */
  const counting = async (director: string, test: () => Promise<unknown>): Promise<number> => {
    const program = 'case "$*" in *--restore*) echo >> /tmp/writes;; esac; exec /tmp/ipvsadm "$@"';
    await site.on(director, "rm", "-f", "/tmp/writes");
    await replacing(site, director, program, test);
    return (await site.on(director, "cat", "/tmp/writes")).length;
  };

  /** Holds a director's lock; resolves when it is held, with what releases it. */
  const holdLock = async (director: string): Promise<{ release: () => Promise<void> }> => {
    const wait = "left=500; while [ -e /tmp/held ] && [ $((left -= 1)) -gt 0 ]; do sleep 0.1; done";
    const command = `mkdir -p -m 700 /run/heye; : >/tmp/held; exec flock -x /run/heye/lock sh -c '${wait}'`;
    const released = site.lab.exec(director, ["sh", "-c", command], { timeoutMs: 60_000 });
    const probe = "[ -e /run/heye/lock ] && ! flock -n /run/heye/lock true";
    await eventually(async () => (await site.lab.exec(director, ["sh", "-c", probe])).code === 0);
    const release = async () => {
      await site.on(director, "rm", "/tmp/held");
      await released;
    };
    return { release };
  };

  const web = (overrides: object = {}) => ({
    name: "web",
    address: "192.0.2.10",
    port: 80,
    scheduler: "rr",
    healthCheck: HTTP,
    realServers: [{ address: site.address("rs1") }, { address: site.address("rs2"), weight: 2 }],
    ...overrides,
  });

  describe("every scheduler of this kernel", () => {
    it("is written, read back and carries traffic, beside all others", async () => {
      const schedulers = SCHEDULERS.filter((name) => name !== "twos");
      const realServers = ["rs1", "rs2"].map((name) => ({ address: site.address(name), port: 80 }));
      const portOf = (scheduler: (typeof schedulers)[number]) => 8_100 + schedulers.indexOf(scheduler);
      const made = await Promise.all(
        schedulers.map((scheduler) =>
          site.create(
            "VirtualServer",
            web({ name: scheduler, port: portOf(scheduler), scheduler, healthCheck: TCP, realServers }),
          ),
        ),
      );
      for (const table of await site.tables())
        for (const scheduler of schedulers)
          assert.match(table, new RegExp(`^-A -t 192.0.2.10:${portOf(scheduler)} -s ${scheduler}$`, "m"));
      for (const [index, scheduler] of schedulers.entries()) {
        const answers = await site.requests(`http://192.0.2.10:${portOf(scheduler)}/`, 8);
        const count = [...answers.values()].reduce((a, b) => a + b);
        assert.equal(count, 8, scheduler);
        for (const name of answers.keys()) assert.ok(["rs1", "rs2"].includes(name), `${scheduler}: ${name}`);
        assert.equal((await made[index]?.read())?.scheduler, scheduler);
      }
      await Made.closeAll(site, made);
    });

    it("a scheduler that the kernel lacks is an error that leaves nothing behind", async () => {
      await assert.rejects(site.create("VirtualServer", web({ scheduler: "twos" })), (error: Error) => {
        assert.match(error.message, /3 of 3 directors failed/);
        assert.match(
          error.message,
          /director d1: the kernel did not take the change:\n.*virtual server tcp 192.0.2.10:80 is missing/,
        );
        assert.match(error.message, /ipvsadm said: .*[Ss]cheduler/);
        return true;
      });
    });
  });

  describe("every protocol, family and forwarding method", () => {
    for (const family of ["ipv4", "ipv6"] as const) {
      for (const forwarding of ["nat", "dr", "tun"] as const) {
        it(`tcp over ${family} by ${forwarding} reaches both servers`, async () => {
          const address = family === "ipv4" ? "192.0.2.11" : "2001:db8:100::11";
          const realServers = ["rs1", "rs2"].map((name) => ({
            address: site.address(name, family),
            forwarding,
          }));
          // The gate through the forwarding path has tests of its own, in forwarding.test.ts, and is dear.
          const healthCheck = { ...HTTP, ...(forwarding !== "nat" && { forwardingCheck: false }) };
          const made = await site.create("VirtualServer", web({ address, realServers, healthCheck }));
          const url = family === "ipv4" ? `http://${address}/` : `http://[${address}]/`;
          const answers = await site.requests(url, 12);
          assert.deepEqual([...answers.keys()].sort(), ["rs1", "rs2"]);
          await made.close();
        });

        it(`udp over ${family} by ${forwarding} is written, read back and reaches both servers`, async () => {
          const address = family === "ipv4" ? "192.0.2.12" : "2001:db8:100::12";
          const realServers = ["rs1", "rs2"].map((name) => ({
            address: site.address(name, family),
            forwarding,
            drainMs: 0,
          }));
          const made = await site.create(
            "VirtualServer",
            web({ protocol: "udp", address, port: 7000, realServers, healthCheck: undefined }),
          );
          const option = { nat: "-m", dr: "-g", tun: "-i" }[forwarding];
          for (const table of await site.tables()) {
            assert.equal(
              table.split("\n").filter((line) => line.startsWith("-a -u ") && line.includes(` ${option} `))
                .length,
              2,
            );
          }
          const url = `udp://${family === "ipv4" ? address : `[${address}]`}:7000`;
          const report = await site.lab.traffic({ url, requests: 12 });
          assert.deepEqual(report.errors, {});
          assert.deepEqual(Object.keys(report.servers).sort(), ["rs1", "rs2"]);
          assert.equal((await made.read())?.drift, undefined);
          await made.close();
        });
      }
    }
  });

  describe("change", () => {
    it("edits scheduler, weights and members in place", async () => {
      const made = await site.create("VirtualServer", web());
      await made.update({
        scheduler: "wrr",
        realServers: [{ address: site.address("rs2"), weight: 5 }, { address: site.address("rs3") }],
      });
      for (const table of await site.tables()) {
        assert.deepEqual(table.trim().split("\n"), [
          "-A -t 192.0.2.10:80 -s wrr",
          `-a -t 192.0.2.10:80 -r ${site.address("rs2")}:80 -m -w 5`,
          `-a -t 192.0.2.10:80 -r ${site.address("rs3")}:80 -m -w 1`,
        ]);
      }
      await made.close();
    });

    it("of a table edited by hand is found by read and repaired by update", async () => {
      const made = await site.create("VirtualServer", web());
      await site.on("d2", "ipvsadm", "-E", "-t", "192.0.2.10:80", "-s", "lc", "-p", "60");
      await site.on("d2", "ipvsadm", "-d", "-t", "192.0.2.10:80", "-r", `${site.address("rs1")}:80`);
      await site.on("d2", "ipvsadm", "-a", "-t", "192.0.2.10:80", "-r", `${site.address("rs4")}:80`, "-m");
      const seen = await made.read();
      assert.deepEqual(Object.keys((seen?.drift as object) ?? {}), ["d2"]);
      assert.equal(seen?.scheduler, "rr", "the others serve as declared");
      await made.update({});
      const [first, ...others] = await site.tables();
      for (const table of others) assert.equal(table, first);
      assert.equal((await made.read())?.drift, undefined);
      await made.close();
    });

    it("a virtual server removed by hand everywhere is gone", async () => {
      const made = await site.create("VirtualServer", web());
      for (const name of site.directorNames) await site.on(name, "ipvsadm", "-D", "-t", "192.0.2.10:80");
      assert.equal(await made.read(), undefined);
      const again = await site.create("VirtualServer", web());
      await again.close();
    });

    it("asks servers again after a table was emptied, or a server drained by hand", async () => {
      const made = await site.create("VirtualServer", web());
      await site.on("d1", "ipvsadm", "-C");
      await site.on(
        "d2",
        "ipvsadm",
        "-e",
        "-t",
        "192.0.2.10:80",
        "-r",
        `${site.address("rs2")}:80`,
        "-m",
        "-w",
        "0",
      );
      await site.lab.fault.setHealth("rs2", 503);
      const healthCheck = { ...HTTP, deadlineMs: 3_000 };
      const rules = async (director: string) =>
        [...(await site.table(director)).matchAll(/-r (\S+):80 -m -w (\d+)/g)].map(([, one, weight]) => [
          one,
          weight,
        ]);
      const [rs1, rs2] = [site.address("rs1"), site.address("rs2")];
      try {
        // Who is well serves at once where the table was lost; who is not waits, and the next update asks again.
        await made.update({ healthCheck });
        assert.deepEqual(Object.keys((made.state.behind ?? {}) as object).sort(), ["d1", "d2"]);
        for (const director of ["d1", "d2"])
          assert.deepEqual(
            await rules(director),
            [
              [rs1, "1"],
              [rs2, "0"],
            ],
            director,
          );
        assert.deepEqual(await rules("d3"), [
          [rs1, "1"],
          [rs2, "2"],
        ]);
      } finally {
        await site.lab.fault.setHealth("rs2", 200);
      }
      await made.update({ healthCheck });
      assert.equal(made.state.behind, undefined);
      assert.deepEqual(await rules("d1"), await rules("d3"));
      await made.close();
    });

    it("of how a director is spelled takes nothing off it", async () => {
      const made = await site.create("VirtualServer", web());
      const before = await site.tables();
      const respelled = site.cluster.directors.map(({ name, connection }, index) => ({
        name: index === 0 ? "first" : name,
        connection: { ...connection, host: "localhost" },
      }));
      await made.update({ cluster: { ...site.cluster, directors: respelled } });
      assert.deepEqual(await site.tables(), before);
      await made.close();
    });

    it("repairs a director that lost its registry, and refresh says so", async () => {
      const made = await site.create("VirtualServer", web());
      await site.on("d2", "rm", "-r", "/var/lib/heye");
      assert.match(JSON.stringify((await made.read())?.drift), /d2.*no longer registered as ours/);
      await made.update({});
      assert.equal((await made.read())?.drift, undefined);
      await made.close();
    });

    it("a director that joins gets everything, one that leaves loses it", async () => {
      const [d1, d2, d3] = site.cluster.directors;
      const two = { ...site.cluster, directors: [d1, d2] };
      const made = await site.create("VirtualServer", web({ cluster: two }));
      assert.equal(await site.table("d3"), "");
      await made.update({ cluster: { ...site.cluster, directors: [d1, d3] } });
      assert.equal(await site.table("d2"), "");
      assert.equal(await site.table("d3"), await site.table("d1"));
      await made.update({ cluster: site.cluster });
      await made.close();
    });

    it("a director that joins while a server is dead gets the others, and that one when it is well", async () => {
      const healthCheck = { ...HTTP, deadlineMs: 3_000 };
      const [d1, d2] = site.cluster.directors;
      const made = await site.create(
        "VirtualServer",
        web({ healthCheck, cluster: { ...site.cluster, directors: [d1, d2] } }),
      );
      const before = await site.table("d1");
      await site.lab.fault.setHealth("rs2", 503);
      try {
        await made.update({ cluster: site.cluster });
        assert.match(JSON.stringify(made.state.behind), /"d3":"director d3: it lacked servers .*HTTP 503/);
        const held = before.replace(new RegExp(`(-r ${site.address("rs2")}:80 -m -w )2`), "$10");
        assert.notEqual(held, before);
        assert.deepEqual([await site.table("d1"), await site.table("d3")], [before, held]);
      } finally {
        await site.lab.fault.setHealth("rs2", 200);
      }
      await made.update({});
      assert.deepEqual([made.state.behind, await site.table("d3")], [undefined, before]);
      await made.close();
    });
  });

  describe("separate real servers", () => {
    const pool = (overrides: object = {}) => ({
      name: "echo",
      address: "192.0.2.30",
      port: 7000,
      scheduler: "rr",
      healthCheck: TCP,
      ...overrides,
    });
    const member = (server: string, overrides: object = {}) => ({
      name: `echo-${server}`,
      virtualServer: { protocol: "tcp", address: "192.0.2.30", port: 7000, pool: "separate" },
      address: site.address(server),
      healthCheck: TCP,
      ...overrides,
    });

    it("come and go one by one, beside what others put there", async () => {
      const echo = await site.create("VirtualServer", pool());
      const [one, two] = await Promise.all([
        site.create("RealServer", member("rs1")),
        site.create("RealServer", member("rs2")),
      ]);
      await site.on("d1", "ipvsadm", "-a", "-t", "192.0.2.30:7000", "-r", "10.20.9.9:7000", "-m", "-w", "0");
      await two.update({ weight: 7 });
      assert.match(await site.table("d3"), new RegExp(`${site.address("rs2")}:7000 -m -w 7`));
      await one.close();
      assert.match(await site.table("d1"), /10\.20\.9\.9:7000 -m -w 0/);
      assert.doesNotMatch(await site.table("d1"), new RegExp(`${site.address("rs1")}:`));
      await site.on("d1", "ipvsadm", "-d", "-t", "192.0.2.30:7000", "-r", "10.20.9.9:7000");
      await two.close();
      await echo.close();
    });

    it("take over an inline pool without a moment of emptiness", async () => {
      const inline = await site.create(
        "VirtualServer",
        pool({ realServers: ["rs1", "rs2"].map((name) => ({ address: site.address(name) })) }),
      );
      const before = await site.tables();
      await inline.update({ realServers: undefined });
      const one = await site.create("RealServer", member("rs1"));
      assert.deepEqual(await site.tables(), before);
      assert.equal((await inline.read())?.drift, undefined, "what serves is no reason for an update");
      await inline.update({});
      for (const table of await site.tables())
        assert.deepEqual(table.match(/^-a .*$/gm), [
          `-a -t 192.0.2.30:7000 -r ${site.address("rs1")}:7000 -m -w 1`,
        ]);
      await one.close();
      await inline.close();
    });

    it("one that a kernel refuses harms no other of its group", async () => {
      const echo = await site.create("VirtualServer", pool());
      const made = await refusing(site, "d2", site.address("rs3"), () =>
        Promise.allSettled(["rs1", "rs3", "rs2"].map((server) => site.create("RealServer", member(server)))),
      );
      assert.deepEqual(
        made.map(({ status }) => status),
        ["fulfilled", "rejected", "fulfilled"],
      );
      for (const table of await site.tables())
        assert.deepEqual(table.match(/10\.20\.1\.\d/g)?.sort(), [site.address("rs1"), site.address("rs2")]);
      for (const one of made) if (one.status === "fulfilled") await one.value.close();
      await echo.close();
    });

    it("made at the same time leave in few groups", async () => {
      const echo = await site.create("VirtualServer", pool());
      const servers = Array.from({ length: 40 }, (_, index) =>
        member("rs1", {
          name: `many-${index}`,
          address: `10.20.77.${index + 1}`,
          healthCheck: { type: "none" },
        }),
      );
      let made: Made[] = [];
      const writes = await counting("d1", async () => {
        made = await Promise.all(servers.map((server) => site.create("RealServer", server)));
      });
      for (const table of await site.tables()) assert.equal(table.match(/^-a /gm)?.length, 40);
      assert.ok(writes >= 1 && writes <= 8, `40 servers in ${writes} groups`);
      await made[7]?.update({ weight: 9 });
      await site.expectSettled("tcp 192.0.2.30:7000");
      const handler = handlerFor("RealServer", site.fleet);
      await Promise.all(made.map(({ id, state }) => handler.delete(id, state)));
      await echo.close();
    });

    it("are refused in a pool that lists its servers, and at an address taken by another resource", async () => {
      const inline = await site.create("VirtualServer", pool({ realServers: [] }));
      await assert.rejects(
        site.create("RealServer", member("rs1")),
        /belongs to VirtualServer echo, which lists its realServers itself/,
      );
      await inline.close();
      const echo = await site.create("VirtualServer", pool());
      const one = await site.create("RealServer", member("rs1"));
      await assert.rejects(
        site.create("RealServer", member("rs1", { name: "twin" })),
        /belongs to RealServer echo-rs1 of this stack/,
      );
      await one.close();
      await echo.close();
    });
  });

  describe("gate", () => {
    // keepalived#2064: every server was in service before its first check.
    it("a create that fails it keeps its entries at weight 0, and the next up lets them in", async () => {
      await site.lab.fault.setHealth("rs2", 503);
      const handler = handlerFor("VirtualServer", site.fleet);
      const inputs = site.inputs("VirtualServer", web({ healthCheck: { ...HTTP, deadlineMs: 3_000 } }));
      const failure: unknown = await handler.create(inputs).catch((error: unknown) => error);
      assert.ok(failure instanceof InitialisationError, String(failure));
      for (const name of site.directorNames) {
        assert.match(
          failure.message,
          new RegExp(`${site.address("rs2")}:80 from director ${name}: http HEAD /health on .*: HTTP 503`),
        );
      }
      for (const table of await site.tables()) assert.equal(table.match(/ -w 0$/gm)?.length, 2);
      await site.lab.fault.setHealth("rs2", 200);
      const state = await handler.update(failure.id, failure.outputs, inputs);
      for (const table of await site.tables()) assert.deepEqual(table.match(/ -w \d$/gm), [" -w 1", " -w 2"]);
      await handler.delete(failure.id, state);
    });

    it("an update that fails it changes no table", async () => {
      const made = await site.create("VirtualServer", web());
      const before = await site.tables();
      await site.lab.fault.setHealth("rs3", 503);
      const realServers = [{ address: site.address("rs1"), weight: 9 }, { address: site.address("rs3") }];
      await assert.rejects(
        made.update({ realServers, scheduler: "wrr", healthCheck: { ...HTTP, deadlineMs: 3_000 } }),
        /Nothing was changed on any director/,
      );
      assert.deepEqual(await site.tables(), before);
      await site.lab.fault.setHealth("rs3", 200);
      await made.close();
    });

    it("asks only servers that enter", async () => {
      const made = await site.create("VirtualServer", web());
      await site.lab.fault.setHealth("rs1", 503);
      await made.update({
        realServers: [
          { address: site.address("rs1"), weight: 3 },
          { address: site.address("rs2"), weight: 2 },
        ],
      });
      await site.lab.fault.setHealth("rs1", 200);
      await made.close();
    });

    it("looks for a text in the body, through the director", async () => {
      const check = (bodyRegex: string) =>
        web({
          healthCheck: {
            ...HTTP,
            path: "/",
            method: "GET",
            bodyRegex,
            expectedStatuses: [200],
            deadlineMs: 4_000,
          },
        });
      const made = await site.create("VirtualServer", check("^rs[12]"));
      await made.close();
      const failure = (await site
        .create("VirtualServer", check("^rs1"))
        .catch((error) => error)) as InitialisationError;
      const rs2 = `${site.address("rs2")}:80`;
      assert.ok(
        failure.message.includes(`http GET / on ${rs2}: HTTP 200, but bodyRegex is not in its body`),
        failure.message,
      );
      assert.ok(!failure.message.includes(`on ${site.address("rs1")}:80`), failure.message);
      await handlerFor("VirtualServer", site.fleet).delete(failure.id, failure.outputs);
    });

    it("logs in to MySQL, and tells a refused login and a writer among readers", async () => {
      const { mysql } = site.lab.inventory;
      assert.ok(mysql);
      const database = (password: string, role: object = {}) => ({
        name: "db",
        address: "192.0.2.20",
        port: 3306,
        healthCheck: { type: "mysql", user: mysql.user, password, ...role, ...QUICK, deadlineMs: 3_000 },
        realServers: [{ address: site.address("db1") }],
      });
      const made = await site.create("VirtualServer", database(mysql.password, { readOnly: false }));
      await made.close();
      const failure = (await site
        .create("VirtualServer", database("planted-wrong"))
        .catch((error) => error)) as InitialisationError;
      assert.match(failure.message, /mysql on .*:3306: Access denied for user/);
      assert.doesNotMatch(failure.message, /planted-wrong/);
      await handlerFor("VirtualServer", site.fleet).delete(failure.id, failure.outputs);
      const unfit = (await site
        .create("VirtualServer", database(mysql.password, { readOnly: true }))
        .catch((error) => error)) as InitialisationError;
      assert.match(unfit.message, /mysql on .*:3306: read_only is off, expected on/);
      await handlerFor("VirtualServer", site.fleet).delete(unfit.id, unfit.outputs);
    });

    it("tells a port that refuses from a host that is silent", async () => {
      await site.lab.fault.stopService("rs1", "http");
      await site.lab.fault.killServer("rs2");
      const healthCheck = { ...HTTP, timeoutMs: 300, deadlineMs: 3_000 };
      const failure = (await site
        .create("VirtualServer", web({ healthCheck }))
        .catch((error) => error)) as InitialisationError;
      assert.match(
        failure.message,
        new RegExp(`${site.address("rs1")}:80 from director d1: .*: cannot connect: Connection refused`),
      );
      assert.match(
        failure.message,
        new RegExp(`${site.address("rs2")}:80 from director d3: .*: no answer within 300 ms`),
      );
      await site.lab.fault.startService("rs1", "http");
      await site.lab.fault.restoreServer("rs2");
      await handlerFor("VirtualServer", site.fleet).delete(failure.id, failure.outputs);
    });
  });

  describe("ownership", () => {
    it("a foreign virtual server is left alone, and named", async () => {
      await site.on("d2", "ipvsadm", "-A", "-t", "192.0.2.10:80", "-s", "lblc");
      const before = await site.tables();
      await assert.rejects(site.create("VirtualServer", web()), (error: Error) => {
        assert.match(error.message, /1 of 3 directors failed/);
        assert.match(
          error.message,
          /director d2: virtual server tcp 192.0.2.10:80 already exists and belongs to no stack: scheduler lblc/,
        );
        assert.match(error.message, /Nothing was changed on any director/);
        return true;
      });
      assert.deepEqual(await site.tables(), before);
      await site.on("d2", "ipvsadm", "-D", "-t", "192.0.2.10:80");
    });

    it("a real server that nobody registered is not deleted along with its virtual server", async () => {
      const echo = await site.create("VirtualServer", web({ realServers: undefined }));
      await site.on("d3", "ipvsadm", "-a", "-t", "192.0.2.10:80", "-r", "10.20.9.9:80", "-m");
      const before = await site.tables();
      const handler = handlerFor("VirtualServer", site.fleet);
      await assert.rejects(
        handler.delete(echo.id, echo.state),
        /director d3: real server 10\.20\.9\.9:80 of virtual server .* belongs to no stack/,
      );
      assert.deepEqual(await site.tables(), before);
      await site.on("d3", "ipvsadm", "-d", "-t", "192.0.2.10:80", "-r", "10.20.9.9:80");
      await echo.close();
    });

    it("two stacks keep to their own entries", async () => {
      const other = { ...site.cluster, id: "test-2", label: "others Cluster edge" };
      const mine = await site.create("VirtualServer", web());
      await assert.rejects(
        site.create("VirtualServer", web({ cluster: other })),
        /belongs to others|belongs to tests Cluster test \(VirtualServer web\)/,
      );
      const theirs = await site.create("VirtualServer", web({ cluster: other, port: 8080, name: "alt" }));
      await mine.close();
      for (const table of await site.tables()) assert.match(table, /192\.0\.2\.10:8080/);
      await theirs.close();
    });

    it("one address declared twice in a stack is refused", async () => {
      const made = await site.create("VirtualServer", web());
      await assert.rejects(
        site.create("VirtualServer", web({ name: "twin" })),
        /belongs to VirtualServer web of this stack/,
      );
      await made.close();
    });

    it("a create that was killed after it wrote is simply made again", async () => {
      await site.create("VirtualServer", web());
      const again = await site.create("VirtualServer", web());
      await again.close();
    });

    it("a cluster that goes takes along what no state remembers", async () => {
      const handler = handlerFor("Cluster", site.fleet);
      const { inputs } = handler.check({
        name: "test",
        label: "tests",
        directors: [...site.cluster.directors],
      });
      const { id, outputs } = await handler.create(JSON.parse(JSON.stringify(inputs)));
      assert.deepEqual(Object.keys(outputs.nodes as object), ["d1", "d2", "d3"]);
      await site.create("VirtualServer", web({ cluster: { ...site.cluster, id } }));
      await handler.delete(id, outputs);
    });
  });

  describe("directors that fail", () => {
    it("one that cannot be reached stops a change before anything changes", async () => {
      await site.lab.fault.stopService("d3", "sshd");
      await site.fleet.close();
      await assert.rejects(
        site.create("VirtualServer", web()),
        /1 of 3 directors failed:\n {2}director d3: cannot reach/,
      );
      assert.deepEqual(await site.tables(), ["", "", ""]);
      await site.lab.fault.startService("d3", "sshd");
    });

    it("one that cannot be reached stops a delete before anything is deleted", async () => {
      const made = await site.create("VirtualServer", web());
      const before = await Promise.all(["d1", "d2"].map((name) => site.snapshot(name)));
      await site.lab.fault.stopService("d3", "sshd");
      await site.fleet.close();
      const handler = handlerFor("VirtualServer", site.fleet);
      await assert.rejects(handler.delete(made.id, made.state), /director d3: cannot reach/);
      // Not even written and put back: that would be a gap in the service.
      assert.deepEqual(await Promise.all(["d1", "d2"].map((name) => site.snapshot(name))), before);
      await site.lab.fault.startService("d3", "sshd");
      await made.close();
    });

    it("one that left and is dead holds nobody up, and is named", async () => {
      const made = await site.create("VirtualServer", web());
      const [d1, d2, d3] = site.cluster.directors;
      await site.lab.fault.stopService("d3", "sshd");
      await site.fleet.close();
      const said: string[] = [];
      const { error } = console;
      console.error = (text: string) => said.push(text);
      try {
        await made.update({ cluster: { ...site.cluster, directors: [d1, d2] } });
      } finally {
        console.error = error;
      }
      assert.match(
        said.join(""),
        /virtual server tcp 192\.0\.2\.10:80 may still stand .* director d3: cannot reach .* \(1 attempt\)/,
      );
      await site.lab.fault.startService("d3", "sshd");
      await made.update({ cluster: { ...site.cluster, directors: [d1, d2, d3] } });
      await made.close();
    });

    it("one that refuses half way makes the others go back", async () => {
      const made = await site.create("VirtualServer", web());
      const before = await site.tables();
      await refusing(site, "d2", site.address("rs3"), () =>
        assert.rejects(
          made.update({ scheduler: "wrr", realServers: [{ address: site.address("rs3") }] }),
          (error: Error) => {
            assert.match(
              error.message,
              /1 of 3 directors failed:\n {2}director d2: the kernel did not take the change/,
            );
            assert.match(error.message, /lacks: -a -t 192.0.2.10:80 -r 10.20.1.4:80 -m -w 1/);
            assert.match(error.message, /Put back to what they held before: d1, d3\./);
            return true;
          },
        ),
      );
      assert.deepEqual((await site.tables()).map(lines), before.map(lines));
      await made.close();
    });

    it("one with another host key is not spoken to", async () => {
      const [d1, d2] = site.cluster.directors;
      assert.ok(d1?.connection && d2?.connection);
      const wrong = { ...d1, connection: { ...d1.connection, hostKey: d2.connection.hostKey } };
      const cluster = { ...site.cluster, directors: [wrong, d2] };
      await assert.rejects(site.create("VirtualServer", web({ cluster })), (error: Error) => {
        assert.match(
          error.message,
          /director d1: .* has another host key than declared: expected SHA256:.*, found SHA256:/,
        );
        return true;
      });
    });

    it("those behind a bastion are reached through it, their own host keys verified", async () => {
      const [d1, d2, d3] = site.lab.inventory.directors;
      assert.ok(d1 && d2 && d3);
      const { host, port, privateKey, hostKey } = d1;
      const proxy = { host, port, privateKey, hostKey };
      // The directors' addresses on the management network, which this host does not reach by itself.
      const behind = (name: string, address: string, key: string) => ({
        name,
        connection: { host: address, privateKey, hostKey: key, proxy, dialErrorLimit: 1 },
      });
      const directors = [behind("d2", "10.99.0.2", d2.hostKey), behind("d3", "10.99.0.3", d3.hostKey)];
      const made = await site.create("VirtualServer", web({ cluster: { ...site.cluster, directors } }));
      assert.equal(await site.table("d1"), "");
      assert.equal(await site.table("d2"), await site.table("d3"));
      await handlerFor("VirtualServer", site.fleet).delete(made.id, made.state);
      const wrong = { ...site.cluster, directors: [behind("d2", "10.99.0.2", d3.hostKey)] };
      await assert.rejects(
        site.create("VirtualServer", web({ cluster: wrong })),
        /director d2: .* another host key than declared/,
      );
      const nobody = { ...site.cluster, directors: [behind("d9", "10.99.0.77", d3.hostKey)] };
      await assert.rejects(
        site.create("VirtualServer", web({ cluster: nobody })),
        /director d9: cannot reach 10\.99\.0\.77:22 .*bastion 127\.0\.0\.1/,
      );
    });

    it("one whose connection breaks in the middle of a change is asked again", async () => {
      const made = await site.create("VirtualServer", web());
      // The gate keeps the change back until d2's lock is held.
      await site.lab.fault.setHealth("rs3", 503);
      await site.lab.resetCounts();
      const realServers = ["rs1", "rs3"].map((name) => ({ address: site.address(name) }));
      const changing = made.update({ scheduler: "wrr", realServers });
      await eventually(async () => ((await site.lab.serverCounts()).rs3?.health ?? 0) > 0);
      const held = await holdLock("d2");
      await site.lab.fault.setHealth("rs3", 200);
      // The change waits for the lock. Then its connection goes, while the script over there lives on.
      await eventually(async () => (await site.on("d2", "sh", "-c", COMMANDS)).includes("flock -x -w"));
      await site.on("d2", "sh", "-c", "pkill -KILL -f '^sshd: root@notty'");
      await held.release();
      await changing;
      for (const table of await site.tables()) assert.match(table, /-s wrr$/m);
      await made.close();
    });

    it("one that is lost in the middle of a create keeps the resource in the state, so that nothing is forgotten", async () => {
      await site.lab.fault.setHealth("rs2", 503);
      await site.lab.resetCounts();
      const creating = site.create("VirtualServer", web()).catch((error: unknown) => error);
      await eventually(async () => ((await site.lab.serverCounts()).rs2?.health ?? 0) > 0);
      const held = await holdLock("d2");
      await site.lab.fault.setHealth("rs2", 200);
      await eventually(async () => (await site.on("d2", "sh", "-c", COMMANDS)).includes("flock -x -w"));
      await site.lab.fault.stopService("d2", "sshd");
      await site.on("d2", "sh", "-c", "pkill -KILL -f '^sshd: root@notty' || :");
      const failure = await creating;
      assert.ok(failure instanceof InitialisationError, String(failure));
      assert.match(
        failure.message,
        /director d2: the connection was lost while changing its table.*What the director holds now is not known/s,
      );
      assert.equal(await site.table("d1"), "");
      // The script on d2 gets its lock after all: what it writes is still somebody's.
      await held.release();
      await eventually(async () => (await site.table("d2")).includes("-A -t 192.0.2.10:80"));
      await site.lab.fault.startService("d2", "sshd");
      const handler = handlerFor("VirtualServer", site.fleet);
      const inputs = site.inputs("VirtualServer", web());
      const state = await handler.update(failure.id, failure.outputs, inputs);
      const [first, ...others] = await site.tables();
      for (const table of others) assert.equal(table, first);
      await handler.delete(failure.id, state);
    });

    it("one whose lock is held says so", async () => {
      const held = await holdLock("d1");
      await assert.rejects(site.create("VirtualServer", web()), /director d1: another run has held its lock/);
      await held.release();
    });

    it("two provider processes at once both get their way", async () => {
      const other = new Fleet();
      const mine = Array.from({ length: 5 }, (_, index) =>
        web({ name: `a${index}`, port: 8100 + index, healthCheck: { type: "none" } }),
      );
      const theirs = Array.from({ length: 5 }, (_, index) =>
        web({ name: `b${index}`, port: 8200 + index, healthCheck: { type: "none" } }),
      );
      const create = (fleet: Fleet) => (properties: object) =>
        handlerFor("VirtualServer", fleet).create(site.inputs("VirtualServer", { ...properties }, fleet));
      const made = await Promise.all([...mine.map(create(site.fleet)), ...theirs.map(create(other))]);
      for (const table of await site.tables()) assert.equal(table.match(/^-A /gm)?.length, 10);
      await Promise.all(
        made.map(({ id, outputs }) => handlerFor("VirtualServer", other).delete(id, outputs)),
      );
      await other.close();
    });
  });
});

const lines = (table: string) => table.trim().split("\n").sort();

/** Command lines of all processes of a director. */
const COMMANDS = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '";

async function eventually(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await condition()) return;
    await delay(50);
  }
  assert.fail("it never came to that");
}
