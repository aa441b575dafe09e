import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { TriedFlow } from "../../agent/flow/command";
import { parseTraffic } from "../../ipvs";
import { FIXED } from "../../lab/topology";
import { handlerFor } from "../../provider";
import type { Properties } from "../../provider/handler";
import { readScrape, sampleValue } from "../unit/exposition";
import { HeyeCommand } from "./heye-command";
import { QUICK, Site } from "./site";

const COMMAND = "/var/lib/heye/agent/heye-agent";
const MANY = 32;
const PATIENCE_MS = 120_000;

/** Asks once from each of so many source ports, and prints the port and the answer, one pair a line. */
const ASK_FROM = `
const [host, port, first, count] = process.argv.slice(1);
const ask = (localPort) => new Promise((resolve, reject) => {
  const socket = require("node:net").connect({ host, port: Number(port), localPort });
  const timer = setTimeout(() => socket.destroy(new Error("no answer from port " + localPort)), 5000);
  let text = "";
  socket.on("error", (error) => resolve(error.code || error.message)).setEncoding("utf8").on("data", (chunk) => {
    text += chunk;
    const [, name] = text.match(/\\r\\n\\r\\n(.+)\\n/) ?? [];
    if (!name) return;
    clearTimeout(timer);
    socket.removeAllListeners("error").on("error", () => {}).resetAndDestroy();
    resolve(name);
  });
  socket.on("close", () => clearTimeout(timer));
  socket.write("GET / HTTP/1.1\\r\\nHost: lab\\r\\n\\r\\n");
});
(async () => {
  for (let i = 0; i < Number(count); i++) console.log(Number(first) + i, await ask(Number(first) + i));
})();
`;

/** Asks the agent of a director where flows from so many source ports go, and prints the port and the server. */
const COMPUTE = `
const http = require("node:http");
const [client, to, first, count] = process.argv.slice(1);
const ask = (port) => new Promise((resolve, reject) => {
  const query = new URLSearchParams({ client: client + ":" + port, to });
  http.get({ socketPath: "/run/heye/agent.sock", path: "/v1/flow?" + query, agent: false }, (response) => {
    let text = "";
    response.on("data", (chunk) => (text += chunk)).on("end", () => resolve(JSON.parse(text)[0].server));
  }).on("error", reject);
});
(async () => {
  for (let i = 0; i < Number(count); i++) console.log(Number(first) + i, await ask(Number(first) + i));
})();
`;

describe("what agents of real directors see", () => {
  let site: Site;
  let cluster: { id: string; handle: object };

  before(async () => {
    site = await Site.up({ directors: 2, servers: 4, database: false });
    const clusters = handlerFor("Cluster", site.fleet);
    const settings = { ipForward: true, conntrack: true };
    const given = {
      name: "test",
      label: "tests Cluster test",
      directors: [...site.cluster.directors],
      mode: "agent",
      settings,
    };
    const { inputs, problems } = clusters.check(given);
    assert.deepEqual(problems, []);
    const { id } = await clusters.create(inputs);
    cluster = { id, handle: { ...site.cluster, id, mode: "agent" } };
  });
  after(() => site?.down());

  const create = (name: string, port: number, settings: Properties, weights: readonly number[]) => {
    const servers = weights.map((weight, index) => ({
      ...{ address: site.address(`rs${index + 1}`), port: 80, weight, drainMs: 0 },
    }));
    const declared = { name, address: "192.0.2.10", port, healthCheck: { type: "tcp", ...QUICK } };
    const all = { ...declared, cluster: cluster.handle, realServers: servers, ...settings };
    return handlerFor("VirtualServer", site.fleet).create(site.inputs("VirtualServer", all));
  };
  const serverNames = () =>
    new Map(site.lab.inventory.servers.map(({ address, name }) => [`${address}:80`, name]));
  /** What the client gets when only this director forwards: by its source port. */
  const sent = async (
    director: string,
    port: number,
    first: number,
    address = "192.0.2.10",
  ): Promise<string[]> => {
    const others = site.directorNames.filter((name) => name !== director);
    for (const name of others) await site.lab.fault.killDirector(name);
    try {
      const argv = [process.execPath, "-e", ASK_FROM, address, String(port), String(first), String(MANY)];
      const { code, stdout, stderr } = await site.lab.exec("client", argv);
      assert.equal(code, 0, stderr);
      return stdout.trim().split("\n");
    } finally {
      for (const name of others) await site.lab.fault.restoreDirector(name);
    }
  };
  const computed = async (director: string, port: number, first: number): Promise<string[]> => {
    const client = FIXED.client;
    const to = `192.0.2.10:${port}`;
    const out = await site.on(
      director,
      process.execPath,
      "-e",
      COMPUTE,
      client,
      to,
      String(first),
      String(MANY),
    );
    const names = serverNames();
    return out
      .trim()
      .split("\n")
      .map((line) => {
        const [from = "", server = ""] = line.split(" ");
        return `${from} ${names.get(server) ?? "ECONNREFUSED"}`;
      });
  };

  const cases = [
    ["mh", { scheduler: "mh", schedulerFlags: ["mh-fallback", "mh-port"] }],
    ["mh without a fallback", { scheduler: "mh", schedulerFlags: ["mh-port"] }],
    ["sh", { scheduler: "sh", schedulerFlags: ["sh-fallback", "sh-port"] }],
  ] as const;
  for (const [index, [name, settings]] of cases.entries())
    it(`send flows of ${name} where they are computed to go, also once a server is at weight 0`, async () => {
      const port = 8_000 + index;
      await create(`web${index}`, port, settings as unknown as Properties, [1, 3, 2, 5]);
      const first = 20_000 + index * 1_000;
      const expected = await computed("d1", port, first);
      assert.ok(new Set(expected.map((line) => line.split(" ")[1])).size >= 3, expected.join());
      assert.deepEqual(await sent("d1", port, first), expected);
      assert.deepEqual(await computed("d2", port, first), expected);
      await site.on(
        "d1",
        COMMAND,
        "drain",
        `${site.address("rs4")}:80`,
        "--service",
        `tcp 192.0.2.10:${port}`,
      );
      const drained = await computed("d1", port, first + 500);
      assert.ok(!drained.some((line) => line.endsWith("rs4")), drained.join());
      assert.deepEqual(await sent("d1", port, first + 500), drained);
      await site.on("d1", COMMAND, "undrain", `${site.address("rs4")}:80`);
    });

  /** Counts what reaches servers from a range of a client's ports. */
  const counting = async <T>(
    ports: string,
    act: (count: () => Promise<number>) => Promise<T>,
  ): Promise<T> => {
    const rule = ["INPUT", "-p", "tcp", "--sport", ports];
    const names = ["rs1", "rs2", "rs3", "rs4"];
    const tables = (name: string, ...words: string[]) => site.on(name, "iptables-legacy", "-w", ...words);
    const count = async () => {
      const texts = await Promise.all(names.map((name) => tables(name, "-nvxL", "INPUT")));
      return texts
        .map((text) => Number(/^\s*(\d+)\s.*spts:/m.exec(text)?.[1]))
        .reduce((all, one) => all + one, 0);
    };
    for (const name of names) await tables(name, "-I", ...rule);
    try {
      return await act(count);
    } finally {
      for (const name of names) await tables(name, "-D", ...rule);
    }
  };
  const tried = async (director: string, client: string, to: string) => {
    const words = [COMMAND, "explain", "flow", client, to, "--send"];
    const { code, stdout } = await site.lab.exec(director, [...words, "--json"]);
    const [flow] = JSON.parse(stdout) as TriedFlow[];
    assert.ok(flow);
    return { code, flow };
  };

  it("ask the kernel by packets that reach no server, and it takes what is computed", async () => {
    const names = serverNames();
    const [from, to] = [26_000, 26_031];
    await counting(`${from}:${to}`, async (count) => {
      const taken: string[] = [];
      for (let port = from; port < from + 4; port++) {
        const client = `${FIXED.client}:${port}`;
        const { code, flow } = await tried("d1", client, "192.0.2.10:8000");
        assert.deepEqual(flow.sent, { server: flow.server, agrees: true });
        assert.equal(code, 0);
        assert.deepEqual((await tried("d2", client, "192.0.2.10:8002")).flow.sent.agrees, true);
        taken.push(`${port} ${names.get(flow.server ?? "")}`);
      }
      assert.equal(await count(), 0, "a packet has reached a server");
      const table = await site.on("d1", "cat", "/proc/net/ip_vs_conn");
      assert.doesNotMatch(table, /C000020A 1F40 .*(SYN_RECV|ESTABLISHED)/, "an entry was left open");
      // The very connections, made by the client: they arrive where the packets would have, and are counted.
      assert.deepEqual((await sent("d1", 8_000, from)).slice(0, 4), taken);
      assert.ok((await count()) > 0);
    });
  });

  for (const [index, forwarding] of (["dr", "tun"] as const).entries())
    it(`ask it where packets go on by ${forwarding}, and none of them reaches a server`, async () => {
      const address = `192.0.2.${11 + index}`;
      const names = serverNames();
      const realServers = [1, 2, 3].map((one) => ({
        ...{ address: site.address(`rs${one}`), weight: one, drainMs: 0, forwarding },
      }));
      const flags = { scheduler: "mh", schedulerFlags: ["mh-fallback", "mh-port"] };
      const settings = { address, ...flags, healthCheck: { type: "none" }, realServers };
      await create(forwarding, 80, settings as unknown as Properties, []);
      const [from, to] = [27_000 + 100 * index, 27_031 + 100 * index];
      await counting(`${from}:${to}`, async (count) => {
        const taken: string[] = [];
        for (let port = from; port < from + 4; port++) {
          const { code, flow } = await tried("d1", `${FIXED.client}:${port}`, `${address}:80`);
          assert.deepEqual(flow.sent, { server: flow.server, agrees: true });
          assert.equal(code, 0);
          taken.push(`${port} ${names.get(flow.server ?? "")}`);
        }
        assert.equal(await count(), 0, "a packet has reached a server");
        assert.deepEqual((await sent("d1", 80, from, address)).slice(0, 4), taken);
        assert.ok((await count()) > 0, "nothing is counted where something arrives");
      });
    });

  it("ask it for connections over IPv6, and where the moment decides", async () => {
    const servers = [1, 2, 3].map((index) => ({
      ...{ address: site.address(`rs${index}`, "ipv6"), port: 80, weight: index, drainMs: 0 },
    }));
    const six = {
      ...{ name: "six", cluster: cluster.handle, address: "2001:db8:100::10", port: 8_000, scheduler: "mh" },
      ...{ schedulerFlags: ["mh-fallback", "mh-port"], healthCheck: { type: "tcp", ...QUICK } },
      realServers: servers,
    };
    await handlerFor("VirtualServer", site.fleet).create(site.inputs("VirtualServer", six));
    for (const port of [5_000, 5_001]) {
      const { code, flow } = await tried("d1", `[${FIXED.client6}]:${port}`, "[2001:db8:100::10]:8000");
      assert.deepEqual([code, flow.sent], [0, { server: flow.server, agrees: true }]);
    }
    await create("moment", 8_100, { scheduler: "rr" } as Properties, [1, 1]);
    const { code, flow } = await tried("d1", `${FIXED.client}:5000`, "192.0.2.10:8100");
    assert.deepEqual([code, flow.server, flow.sent.agrees], [0, undefined, undefined]);
    assert.ok(flow.candidates.some(({ destination }) => destination === flow.sent.server));
  });

  it("ask it nothing where that would hold a client, and say so", async () => {
    await create("held", 8_101, { scheduler: "sh", persistence: { timeoutS: 60 } } as Properties, [1, 1]);
    const words = ["explain", "flow", `${FIXED.client}:5000`, "192.0.2.10:8101", "--send"];
    const { code, stdout } = await site.lab.exec("d1", [COMMAND, ...words]);
    assert.equal(code, 1);
    assert.match(stdout, /^ {2}not sent: persistence would hold the client/m);
    assert.doesNotMatch(await site.on("d1", "cat", "/proc/net/ip_vs_conn"), / C000020A 1FA5 /);
  });

  it("count what the kernel counts", async () => {
    await create("count", 80, { scheduler: "wrr" } as Properties, [1, 2, 1]);
    const report = await site.lab.traffic({ url: "http://192.0.2.10/", requests: 200 });
    assert.deepEqual(report.errors, {});
    const key = "tcp 192.0.2.10:80";
    const kernel = async (director: string) => {
      const list = (...options: string[]) => site.on(director, "ipvsadm", "--list", "-n", ...options);
      const all = parseTraffic(await list("--stats", "--exact"), await list("--persistent-conn"));
      return all.find(({ service }) => service === key);
    };
    // The kernel sums up every two seconds.
    let total = 0;
    for (const deadline = Date.now() + 20_000; total < 200 && Date.now() < deadline; await delay(500)) {
      const found = await Promise.all(site.directorNames.map(kernel));
      total = found.reduce((sum, one) => sum + (one?.connections ?? 0), 0);
    }
    assert.equal(total, 200);
    for (const director of site.directorNames) {
      const scrape = readScrape(await site.on(director, COMMAND, "metrics"));
      const service = await kernel(director);
      const told = (name: string) =>
        sampleValue(scrape, `heye_virtual_server_${name}`, { virtual_server: key });
      assert.equal(told("connections_total"), service?.connections);
      assert.equal(told("incoming_bytes_total"), service?.bytesIn);
      assert.equal(told("outgoing_packets_total"), service?.packetsOut);
      assert.equal(service?.destinations.length, 3);
      for (const one of service?.destinations ?? []) {
        const labels = { virtual_server: key, real_server: one.destination };
        const of = (name: string) => sampleValue(scrape, `heye_real_server_${name}`, labels);
        assert.equal(of("connections_total"), one.connections);
        assert.equal(of("incoming_packets_total"), one.packetsIn);
        assert.equal(of("outgoing_bytes_total"), one.bytesOut);
        assert.equal(of("kernel_weight"), one.weight);
        assert.equal(of("healthy"), 1);
      }
      assert.ok((sampleValue(scrape, "heye_connection_table_buckets") ?? 0) >= 256);
      assert.equal(sampleValue(scrape, "heye_ready"), 1);
    }
  });

  /** Has rs1 taken out and put back by somebody: the same lines in another order. */
  const renew = (director: string, service: string) => {
    const of = `-t ${service} -r ${site.address("rs1")}:80`;
    return site.on(director, "sh", "-c", `ipvsadm -d ${of}; ipvsadm -a ${of} -m -w 1`);
  };

  it("agree, until one of them chooses in another way", async () => {
    const digests = async () =>
      Promise.all(
        site.directorNames.map(async (name) => {
          const { digests, services } = JSON.parse(await site.on(name, COMMAND, "status", "--json"));
          return {
            ...digests,
            mh: services.find((one: { service: string }) => one.service.endsWith(":8000")).digest,
          };
        }),
      );
    const [a, b] = await digests();
    assert.deepEqual(a, b);
    await renew("d2", "192.0.2.10:8000");
    let [c, d] = await digests();
    for (const deadline = Date.now() + PATIENCE_MS; c.mh === d.mh; [c, d] = await digests()) {
      assert.ok(Date.now() < deadline, `${c.mh} on both`);
      await delay(500);
    }
    assert.equal(c.table, d.table);
    const { stdout } = await site.lab.exec("d2", [
      COMMAND,
      "explain",
      "flow",
      "198.51.100.1:5",
      "192.0.2.10:8000",
    ]);
    assert.match(
      stdout,
      /^tcp 192\.0\.2\.10:8000: 10\..*\n {2}mh, bucket \d+ of 4093, by the client's address and port/,
    );
  });

  it("is left out by those who ask whether it is ready, when an operator says so", async () => {
    const ready = async () =>
      (
        await site.lab.exec("d1", [
          "sh",
          "-c",
          `curl -s -o /dev/null -w '%{http_code}' --unix-socket /run/heye/agent.sock http://agent/readyz`,
        ])
      ).stdout;
    assert.equal(await ready(), "200");
    assert.match(
      await site.on("d1", COMMAND, "maintenance", "on", "--reason", "new memory"),
      /in maintenance since .*: new memory/,
    );
    assert.equal(await ready(), "503");
    assert.match(await site.on("d1", COMMAND, "status"), /MAINTENANCE: new memory/);
    await site.on("d1", COMMAND, "maintenance", "off");
    assert.equal(await ready(), "200");
    assert.match(await site.on("d1", COMMAND, "top", "--once"), /conn\/s/);
  });

  describe("asked by a user's `heye`", () => {
    const key = "tcp 192.0.2.10:8200";
    let heye: HeyeCommand;
    /** The same directors: as those of a lab, and by the user's ssh. */
    let ways: string[][];
    before(async () => {
      heye = await HeyeCommand.on(site.lab.inventory);
      ways = [
        ["--lab", site.lab.inventory.name],
        ["--host", "d1", "--host", "d2"],
      ];
      await create("asked", 8_200, { scheduler: "wrr" } as Properties, [1, 1]);
    });
    after(() => heye?.remove());

    /** What they hold is told as of their last look. */
    const statusOf = async (way: readonly string[], wanted: RegExp): Promise<string> => {
      for (const deadline = Date.now() + PATIENCE_MS; ; await delay(500)) {
        const { code, stdout, stderr } = await heye.run("status", ...way);
        if (code === 0 && stderr === "" && wanted.test(stdout)) return stdout;
        assert.ok(Date.now() < deadline, `status ${code}: ${stderr}${stdout}`);
      }
    };

    it("tell once what they agree on, and by their names where they differ", async () => {
      const rs2 = `${site.address("rs2")}:80`;
      await renew("d2", "192.0.2.10:8000");
      await statusOf(
        ways[0] ?? [],
        /^DIFFERS: how tcp 192\.0\.2\.10:8000 chooses: \w{12} on d1, \w{12} on d2$/m,
      );
      await renew("d1", "192.0.2.10:8000");
      for (const way of ways) {
        const same = await statusOf(
          way,
          /^same on all: what is declared, the table, how servers are chosen$/m,
        );
        assert.match(same, /^d1 {2}ready {2}agent .*\nd2 {2}ready {2}agent /);
        const [, here = ""] = same.split(`\n${key}  `);
        assert.match(here, /^up {2}\(tests Cluster test\)\n/);
        assert.match(here, new RegExp(`^ {2}${rs2} +weight 1 +up for `, "m"));
      }
      const drained = await heye.run("drain", rs2, "--service", key, ...(ways[0] ?? []), "--director", "d1");
      assert.deepEqual(drained, {
        code: 0,
        stdout: `${rs2} takes no new connections in ${key}\n`,
        stderr: "",
      });
      for (const way of ways) {
        const [, here = ""] = (await statusOf(way, /weight 0 of 1 on d1, 1 on d2/)).split(`\n${key}  `);
        assert.match(here, new RegExp(`^ {2}${rs2} +weight 0 of 1 on d1, 1 on d2 +up for .*\\[`, "m"));
        const { code, stdout } = await heye.run("explain", rs2, ...way);
        assert.equal(code, 0);
        const [d1 = "", d2 = ""] = stdout.split(/^d2:$/m);
        assert.match(d1, /^d1:\n/);
        assert.match(
          d1,
          new RegExp(
            `^${rs2} in ${key}\nweight: configured 1 x gate 1 x drain 0 .* = 0 \\(.*\\); in the kernel 0$`,
            "m",
          ),
        );
        assert.match(
          d2,
          new RegExp(`^${rs2} in ${key}\nweight: configured 1 x .* = 1; in the kernel 1$`, "m"),
        );
        assert.match(d2, /^checked by tcp.*\n.* {2}ok {2}/m);
      }
      const undrained = await heye.run("undrain", rs2, "--service", key, "--host", "d1");
      assert.deepEqual(undrained, { code: 0, stdout: `${rs2} takes connections in ${key}\n`, stderr: "" });
    }).timeout(360_000);

    it("say all of them where a flow goes, and who of them is silent", async () => {
      const flow = ["explain", "flow", `${FIXED.client}:5000`, "192.0.2.10:8000"];
      for (const way of ways) {
        const { code, stdout } = await heye.run(...flow, ...way);
        assert.equal(code, 0);
        const heads = [...stdout.matchAll(/^(d\d) {2}tcp 192\.0\.2\.10:8000: (\S+)$/gm)];
        assert.deepEqual(
          heads.map(([, name]) => name),
          ["d1", "d2"],
        );
        assert.equal(heads[0]?.[2], heads[1]?.[2]);
      }
      const { code, stdout, stderr } = await heye.run("status", "--host", "d1", "--host", "nowhere");
      assert.equal(code, 1);
      assert.match(stdout, /^d1 {2}ready .*\nnowhere {2}SILENT: no agent answers there$/m);
      assert.match(stderr, /^nowhere: .*Connection refused/m);
    });

    it("show what they carry together, live, and nothing goes on there when that is ended", async () => {
      const load = await site.lab.startTraffic({ url: "http://192.0.2.10:8200/", concurrency: 2 });
      const ofServers = /^tcp 192\.0\.2\.10:8200 .*\n( {2}\S+:80 .*\n){2}/m;
      const isLoaded = (frame: string) => {
        const rows = ofServers.exec(frame)?.[0].trimEnd().split("\n") ?? [];
        const numbers = rows.map((row) => row.trim().split(/ {2,}/).slice(1).map(Number.parseFloat));
        // New connections, packets and bytes; of those that are open there may be none at that moment.
        const rates = numbers.flatMap(([rate = 0, , , ...amounts]) => [rate, ...amounts]);
        const isOfAll = /^\S+Z {2}(d1 d2|d2 d1)\n/.test(frame);
        return isOfAll && rates.length === 15 && rates.every((rate) => rate > 0);
      };
      for (const way of ways)
        await heye.runUntil(
          ["top", ...way],
          (stdout) => stdout.split(/^(?=\d{4}-\d\d-\d\dT)/m).some(isLoaded),
          PATIENCE_MS,
        );
      assert.deepEqual((await load.stop()).errors, {});
      for (const director of site.directorNames)
        for (const deadline = Date.now() + PATIENCE_MS; ; await delay(500)) {
          const { stdout } = await site.lab.exec(director, ["pgrep", "-af", "[h]eye-agent.js top"]);
          if (stdout === "") break;
          assert.ok(Date.now() < deadline, stdout);
        }
    });
  });
});
