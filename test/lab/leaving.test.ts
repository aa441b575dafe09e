import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { TriedFlow } from "../../agent/flow/command";
import { FIXED } from "../../lab/topology";
import { handlerFor } from "../../provider";
import { type Asked, askFrom, computeFrom } from "./fixed-ports";
import { HeldConnections } from "./held-connections";
import { Site } from "./site";

/** Patient with servers that are slow, as all are while other labs start; one that refuses is out within a second. */
const CHECK = { intervalMs: 200, timeoutMs: 4_000, rise: 2, fall: 3, deadlineMs: 15_000 };
const COMMAND = "/var/lib/heye/agent/heye-agent";
/** An agent needs 8 s to start in a lab, and longer beside other labs. */
const PATIENCE_MS = 60_000;
/** As the README has them for dr on several directors. */
const SETTINGS = {
  ...{ sloppyTcp: true, scheduleIcmp: true, expireNodestConn: true, expireQuiescentTemplate: true },
  conntrack: false,
};
/** Another client than the lab's, on the same machine. */
const SECOND_CLIENT = "10.30.0.3";

const HASHED = [
  ["192.0.2.10", { scheduler: "mh", schedulerFlags: ["mh-fallback", "mh-port"] }],
  ["192.0.2.11", { scheduler: "mh", schedulerFlags: ["mh-port"] }],
  ["192.0.2.12", { scheduler: "sh", schedulerFlags: ["sh-fallback", "sh-port"] }],
  ["192.0.2.13", { scheduler: "sh", schedulerFlags: ["sh-port"] }],
] as const;
const ADDRESSES = HASHED.map(([address]) => address);
const WITH_FALLBACK: readonly string[] = ["192.0.2.10", "192.0.2.12"];
const WEIGHTS = { rs1: 1, rs2: 3, rs3: 2 };

describe("servers that die, drain or leave, with agents on a real kernel", () => {
  let site: Site;
  before(async () => {
    site = await Site.up({ directors: 2, servers: 3, database: false });
    await site.on("client", "ip", "address", "add", `${SECOND_CLIENT}/24`, "dev", "eth0");
    const clusters = handlerFor("Cluster", site.fleet);
    const { inputs, problems } = clusters.check({
      ...{ name: "test", label: "tests Cluster test", mode: "agent", restoreAtBoot: true },
      ...{ directors: [...site.cluster.directors], settings: SETTINGS },
    });
    assert.deepEqual(problems, []);
    const { id } = await clusters.create(inputs);
    const services = handlerFor("VirtualServer", site.fleet);
    for (const [address, scheduling] of HASHED) {
      const declared = {
        ...{
          name: address,
          cluster: { ...site.cluster, id, mode: "agent" },
          address,
          port: 80,
          ...scheduling,
        },
        healthCheck: { type: "http", path: "/health", ...CHECK },
        realServers: Object.entries(WEIGHTS).map(([name, weight]) => ({
          ...{ address: site.address(name), weight, forwarding: "dr", drainMs: 0 },
        })),
      };
      await services.create(site.inputs("VirtualServer", declared));
    }
  });
  after(() => site?.down());

  const nameOf = (server: string) =>
    site.lab.inventory.servers.find(({ address }) => server.startsWith(`${address}:`))?.name ?? server;
  /** Servers and weights of a virtual server as a kernel has them. */
  const poolOf = async (director: string, address: string): Promise<Record<string, number>> => {
    const rules = (await site.table(director)).matchAll(/^-a -[tu] ([\d.]+):\d+ -r (\S+) -g -w (\d+)$/gm);
    const found = [...rules].filter(([, of]) => of === address);
    return Object.fromEntries(found.map(([, , server = "", weight]) => [nameOf(server), Number(weight)]));
  };
  /** Waits until a director's kernel has this pool. */
  const expectPool = async (director: string, address: string, wanted: Readonly<Record<string, number>>) => {
    for (const deadline = Date.now() + PATIENCE_MS; ; await delay(200)) {
      const found = await poolOf(director, address);
      try {
        return assert.deepEqual(found, wanted, `${address} on ${director}`);
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
  };

  /** Waits until a director's agent answers: what is restored at boot is in its table before. */
  const answers = async (director: string) => {
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await site.lab.exec(director, [COMMAND, "status"])).stdout.startsWith(`${director}: agent `)) {
      assert.ok(Date.now() < deadline, "no agent came back");
      await delay(200);
    }
  };

  describe("where a hash of the client chooses them", () => {
    /** What computed flows came to before anything had happened. */
    let first: Computed;
    const from = (port: number, count: number) => Array.from({ length: count }, (_, index) => port + index);
    const PORTS = from(20_000, 48);

    /** By the address that the flows are to. */
    type Computed = Readonly<Record<string, readonly string[]>>;
    const computed = async (director: string): Promise<Computed> => {
      const places = ADDRESSES.map((address) => `${address}:80`);
      const all = await computeFrom(site, director, { client: FIXED.client, places, ports: PORTS });
      return Object.fromEntries(ADDRESSES.map((address, index) => [address, all[index]?.map(nameOf) ?? []]));
    };
    /** What both directors say of flows, which has to be the same, and to meet these servers alone. */
    const agreed = async (...servers: string[]): Promise<Computed> => {
      const told = await computed("d1");
      assert.deepEqual(await computed("d2"), told);
      for (const address of ADDRESSES) assert.deepEqual([...new Set(told[address])].sort(), servers, address);
      return told;
    };
    const expectEverywhere = async (wanted: (address: string) => Readonly<Record<string, number>>) => {
      for (const director of site.directorNames)
        for (const address of ADDRESSES) await expectPool(director, address, wanted(address));
    };
    const expectOut = () =>
      expectEverywhere((address) => {
        const { rs2, ...others } = WEIGHTS;
        return WITH_FALLBACK.includes(address) ? { ...others, rs2: 0 } : others;
      });
    /** Real connections from these ports to those that have the flag, through one director alone. */
    const through = async (director: string, ports: readonly number[]) => {
      const others = site.directorNames.filter((name) => name !== director);
      for (const name of others) await site.lab.fault.killDirector(name);
      try {
        const asked = WITH_FALLBACK.map((address) => askFrom(site, { by: "http", address, port: 80 }, ports));
        return await Promise.all(asked);
      } finally {
        for (const name of others) await site.lab.fault.restoreDirector(name);
      }
    };
    /**
     * Fails unless both directors choose the same living servers: as computed from their tables, by what their kernels take when
     * they are asked, and by connections of the client.
     */
    const expectSame = async (fresh: number) => {
      const told = await agreed("rs1", "rs3");
      // mh takes none of the flows of servers that live away from them.
      const [mh = ""] = WITH_FALLBACK;
      for (const [index, server] of (first[mh] ?? []).entries())
        if (server !== "rs2") assert.equal(told[mh]?.[index], server);
      const taken = await through("d1", from(fresh, 24));
      assert.deepEqual(await through("d2", from(fresh, 24)), taken);
      const words = ["explain", "flow", `${FIXED.client}:${fresh + 30}`, `${mh}:80`, "--send", "--json"];
      const sent = site.directorNames.map(async (director) => {
        const [flow] = JSON.parse(await site.on(director, COMMAND, ...words)) as TriedFlow[];
        assert.deepEqual(flow?.sent, { server: flow?.server, agrees: true }, director);
        return flow?.server;
      });
      const servers = new Set(await Promise.all(sent));
      assert.equal(servers.size, 1, [...servers].join());
    };

    it("refuse no new connection once one that died is out, with the fallback flag as without", async () => {
      first = await agreed("rs1", "rs2", "rs3");
      await site.lab.fault.stopService("rs2", "http");
      await expectOut();
      const loads = ADDRESSES.map((address) =>
        site.lab.traffic({ url: `http://${address}/`, requests: 80, connectTimeoutMs: 5_000 }),
      );
      for (const { errors, servers } of await Promise.all(loads))
        assert.deepEqual([errors, Object.keys(servers).sort()], [{}, ["rs1", "rs3"]]);
    });

    // kube-router#1865 and #1860, katran#155: a lost director, or one that lacked a server at weight 0, sent flows elsewhere.
    it("are the same on a director whose table was wiped meanwhile", async () => {
      await site.on("d2", "ipvsadm", "-C");
      await expectOut();
      await expectSame(21_000);
    });

    it("are the same on a director that was rebooted meanwhile, and all are as before once the dead one is well", async () => {
      await site.lab.fault.rebootDirector("d2");
      await answers("d2");
      await expectOut();
      await expectSame(22_000);
      await site.lab.fault.startService("rs2", "http");
      await expectEverywhere(() => WEIGHTS);
      const told = await agreed("rs1", "rs2", "rs3");
      // Without the flag it has been taken out, and is the newest one now.
      for (const address of WITH_FALLBACK) assert.deepEqual(told[address], first[address], address);
    });
  });

  describe("and what becomes of those who talk to them", () => {
    // A client's flows and templates are one director's matter.
    before(() => site.lab.fault.killDirector("d2"));
    afterEach(async () => {
      await site.lab.fault.mendAll();
      await site.lab.fault.killDirector("d2");
      await sysctl({ expire_nodest_conn: 1, expire_quiescent_template: 1 });
    });

    const sysctl = async (values: Readonly<Record<string, number>>) => {
      for (const [name, value] of Object.entries(values))
        await site.on("d1", "sysctl", "-qw", `net.ipv4.vs.${name}=${value}`);
    };
    const api = async (method: string, path: string, body?: object) => {
      const words = [COMMAND, "api", method, `/v1/virtual-servers${path}`, ...(body ? ["--data", "-"] : [])];
      const given = body ? { stdin: JSON.stringify(body) } : {};
      const { code, stdout } = await site.lab.exec("d1", words, given);
      assert.equal(code, 0, `${method} ${path}: ${stdout}`);
    };
    const declare = async (of: Asked, names: readonly string[], more: object = {}) => {
      const { by, address, port } = of;
      await api("POST", "", {
        ...{ address, port, protocol: by === "udp" ? "udp" : "tcp", scheduler: "rr" },
        healthCheck: { type: "tcp", port, ...CHECK },
        realServers: names.map((name) => ({ address: site.address(name), forwarding: "dr" })),
        ...more,
      });
    };
    const pathOf = ({ by, address, port }: Asked, name: string) =>
      `/${by === "udp" ? "udp" : "tcp"}-${address}-${port}/real-servers/${site.address(name)}-${port}`;
    const ask = (of: Asked, ...ports: number[]) => askFrom(site, of, ports);

    /** Two flows of udp that have met different servers, and stay with them. */
    const pinned = async (address: string) => {
      const udp: Asked = { by: "udp", address, port: 7_000 };
      await declare(udp, ["rs1", "rs2"]);
      const [a = "", b = ""] = await ask(udp, 30_000, 30_001);
      assert.deepEqual([a, b].sort(), ["rs1", "rs2"]);
      assert.deepEqual(await ask(udp, 30_000, 30_001, 30_001, 30_001), [a, b, b, b]);
      return { udp, a, b };
    };
    const die = async (name: string) => {
      for (const service of ["udp", "tcp"] as const) await site.lab.fault.stopService(name, service);
    };

    // kubernetes#76664 and #71809, kube-router#899: flows that stayed with dead servers.
    it("moves a flow of udp that never pauses away from a server that has died", async () => {
      const { udp, a, b } = await pinned("192.0.2.20");
      await die(b);
      await expectPool("d1", udp.address, { [a]: 1 });
      assert.deepEqual(await ask(udp, 30_000, 30_001), [a, a]);
    });

    it("leaves it without an answer where expireNodestConn is off, of which a preview warns", async () => {
      await sysctl({ expire_nodest_conn: 0 });
      const { udp, a, b } = await pinned("192.0.2.21");
      await die(b);
      await expectPool("d1", udp.address, { [a]: 1 });
      assert.deepEqual(await ask(udp, 30_000, 30_002), [a, a]);
      assert.deepEqual(await ask({ ...udp, patienceMs: 1_000 }, 30_001, 30_001), ["silence", "silence"]);
      await sysctl({ expire_nodest_conn: 1 });
      assert.deepEqual(await ask(udp, 30_001), [a]);
    });

    it("leaves flows of udp with a server that drains, gives it no new ones, and removes it when they have ended", async () => {
      const { udp, a, b } = await pinned("192.0.2.22");
      await api("PUT", `${pathOf(udp, b)}/drain`);
      await expectPool("d1", udp.address, { [a]: 1, [b]: 0 });
      assert.deepEqual(await ask(udp, 30_001, 30_002, 30_003, 30_004), [b, a, a, a]);
      await api("DELETE", `${pathOf(udp, b)}?drain-ms=3600000`);
      // Long enough for a drain that is over to end.
      await delay(5_000);
      assert.deepEqual(await ask(udp, 30_001, 30_005), [b, a]);
      await expectPool("d1", udp.address, { [a]: 1, [b]: 0 });
      // What is said last decides how long the kernel remembers it.
      await site.on("d1", "ipvsadm", "--set", "0", "0", "1");
      assert.deepEqual(await ask(udp, 30_001), [b]);
      await expectPool("d1", udp.address, { [a]: 1 });
      await site.on("d1", "ipvsadm", "--set", "0", "0", "300");
      assert.deepEqual(await ask(udp, 30_001), [a]);
    });

    const drain = ({ address }: Asked, name: string) => {
      const service = `tcp ${address}:7000`;
      return site.on("d1", COMMAND, "drain", `${site.address(name)}:7000`, "--service", service);
    };
    /** A client that is to come back to the server that it has met. */
    const persistent = async (address: string) => {
      const tcp: Asked = { by: "tcp", address, port: 7_000 };
      await declare(tcp, ["rs1", "rs2"], { persistence: { timeoutS: 300 } });
      const [mine = ""] = await ask(tcp, 31_000);
      const other = mine === "rs1" ? "rs2" : "rs1";
      assert.deepEqual(await ask(tcp, 31_001, 31_002, 31_003), [mine, mine, mine]);
      return { tcp, second: { ...tcp, from: SECOND_CLIENT }, mine, other };
    };

    // keepalived#1781: persistent clients that stayed with dead servers.
    it("lets another one serve the persistent clients of a server that has died", async () => {
      await sysctl({ expire_quiescent_template: 0 });
      const { tcp, mine, other } = await persistent("192.0.2.23");
      await die(mine);
      await expectPool("d1", tcp.address, { [other]: 1 });
      assert.deepEqual(await ask(tcp, 31_004, 31_005, 31_006), [other, other, other]);
    });

    it("moves persistent clients off a server that drains, and keeps the connections that they have", async () => {
      const { tcp, mine, other } = await persistent("192.0.2.24");
      const held = await HeldConnections.open(site, tcp.address, tcp.port, 3);
      await drain(tcp, mine);
      await expectPool("d1", tcp.address, { [mine]: 0, [other]: 1 });
      assert.deepEqual(await ask(tcp, 31_004, 31_005), [other, other]);
      await api("DELETE", `${pathOf(tcp, mine)}?drain-ms=3600000`);
      // Long enough for a drain that is over to end.
      await delay(5_000);
      await expectPool("d1", tcp.address, { [mine]: 0, [other]: 1 });
      for (const { server, lost } of await held.close()) assert.deepEqual([server, lost], [mine, ""]);
      await expectPool("d1", tcp.address, { [other]: 1 });
    });

    it("leaves them with it where expireQuiescentTemplate is off, of which a preview warns, until it is removed", async () => {
      await sysctl({ expire_quiescent_template: 0 });
      const { tcp, second, mine, other } = await persistent("192.0.2.25");
      await drain(tcp, mine);
      await expectPool("d1", tcp.address, { [mine]: 0, [other]: 1 });
      assert.deepEqual(await ask(tcp, 31_004, 31_005), [mine, mine]);
      assert.deepEqual(await ask(second, 31_004, 31_005), [other, other]);
      await api("DELETE", `${pathOf(tcp, mine)}?drain-ms=0`);
      await expectPool("d1", tcp.address, { [other]: 1 });
      assert.deepEqual(await ask(tcp, 31_006, 31_007), [other, other]);
    });

    // kubernetes#81775: a client's port that came round met the server that had left.
    it("gives a client's port that comes round right after a server has died, or was removed, a living one", async () => {
      const http: Asked = { by: "http", address: "192.0.2.26", port: 80 };
      await declare(http, ["rs1", "rs2", "rs3"]);
      const ports = Array.from({ length: 12 }, (_, index) => 32_000 + index);
      assert.deepEqual([...new Set(await ask(http, ...ports))].sort(), ["rs1", "rs2", "rs3"]);
      await site.lab.fault.stopService("rs2", "http");
      await expectPool("d1", http.address, { rs1: 1, rs2: 0, rs3: 1 });
      assert.deepEqual([...new Set(await ask(http, ...ports))].sort(), ["rs1", "rs3"]);
      await api("DELETE", `${pathOf(http, "rs3")}?drain-ms=0`);
      await site.lab.fault.stopService("rs3", "http");
      await expectPool("d1", http.address, { rs1: 1, rs2: 0 });
      assert.deepEqual([...new Set(await ask(http, ...ports))], ["rs1"]);
    });
  });
});
