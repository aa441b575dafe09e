import assert from "node:assert/strict";
import { join } from "node:path";
import { familyOf } from "../../spec";
import { QUICK, Site } from "./site";

const TCP = { type: "tcp", ...QUICK };
const SCTP_PEER = join(__dirname, "sctp-peer.js");
const SCTP_PORT = 9000;
const GUE_PORT = 6080;

/** Sends datagrams one after another and prints the answers. With a socket for all of them, or one for each. */
const SEND = `
const [address, port, count, sockets, payload] = process.argv.slice(1);
const dgram = require("node:dgram");
const open = () => dgram.createSocket(address.includes(":") ? "udp6" : "udp4");
const ask = (socket) => new Promise((resolve, reject) => {
  const timer = setTimeout(() => reject(new Error("no answer")), 5000);
  socket.once("message", (message) => { clearTimeout(timer); resolve(String(message).trim()); });
  socket.send(payload, Number(port), address);
});
(async () => {
  const shared = sockets === "one" ? open() : undefined;
  for (let i = 0; i < Number(count); i++) {
    const socket = shared ?? open();
    console.log(await ask(socket));
    if (!shared) socket.close();
  }
  shared?.close();
})();
`;

describe("every option of IPVS on real directors", () => {
  let site: Site;
  before(async () => {
    site = await Site.up({ directors: 2, servers: 3, database: false });
  });
  after(() => site?.down());
  afterEach(async function () {
    if (this.currentTest?.isFailed()) await site.wipe();
    else await site.expectEmpty();
  });

  const pool = (family: "ipv4" | "ipv6" = "ipv4", settings: object = {}) =>
    ["rs1", "rs2"].map((name) => ({ address: site.address(name, family), ...settings }));
  const web = (overrides: object = {}) => ({
    name: "web",
    address: "192.0.2.10",
    port: 80,
    scheduler: "rr",
    healthCheck: TCP,
    realServers: pool(),
    ...overrides,
  });
  const lines = async () => (await site.table("d1")).trim().split("\n");
  const datagrams = async (address: string, count: number, sockets: "one" | "each", payload = "?") => {
    const argv = [process.execPath, "-e", SEND, address, "7000", String(count), sockets, payload];
    const { code, stdout, stderr } = await site.lab.exec("client", argv);
    assert.equal(code, 0, stderr);
    return stdout.trim().split("\n");
  };

  describe("flags of the hashing schedulers", () => {
    const cases = [
      ["sh", []],
      ["sh", ["sh-port"]],
      ["sh", ["sh-fallback"]],
      ["sh", ["sh-fallback", "sh-port"]],
      ["mh", ["mh-port"]],
      ["mh", ["mh-fallback"]],
      ["mh", ["mh-fallback", "mh-port"]],
    ] as const;
    for (const [scheduler, schedulerFlags] of cases) {
      it(`${scheduler} with ${schedulerFlags.join(" and ") || "none"}`, async () => {
        const made = await site.create("VirtualServer", web({ scheduler, schedulerFlags }));
        const flags = schedulerFlags.length === 0 ? "" : ` -b ${schedulerFlags.join(",")}`;
        for (const table of await site.tables()) {
          assert.equal(table.split("\n")[0], `-A -t 192.0.2.10:80 -s ${scheduler}${flags}`);
        }
        const answers = await site.requests("http://192.0.2.10/", 24);
        const hashesPorts = schedulerFlags.some((flag) => flag.endsWith("-port"));
        // One client is one server unless its ports count as well.
        assert.equal(answers.size, hashesPorts ? 2 : 1, [...answers.keys()].join());
        assert.deepEqual((await made.read())?.drift, undefined);
        await made.close();
      });
    }

    it("with fallback a server at weight 0 leaves its connections to the others", async () => {
      const made = await site.create(
        "VirtualServer",
        web({ scheduler: "mh", schedulerFlags: ["mh-fallback", "mh-port"] }),
      );
      await made.update({
        realServers: [{ address: site.address("rs1") }, { address: site.address("rs2"), weight: 0 }],
      });
      assert.deepEqual([...(await site.requests("http://192.0.2.10/", 24)).keys()], ["rs1"]);
      await made.close();
    });
  });

  it("dh gives one address to one server, and refuses its connections at weight 0", async () => {
    const weights = (rs1: number, rs2: number) => ({
      realServers: [
        { address: site.address("rs1"), weight: rs1 },
        { address: site.address("rs2"), weight: rs2 },
      ],
    });
    const made = await site.create("VirtualServer", web({ scheduler: "dh", ...weights(1, 1) }));
    const [chosen, ...others] = [...(await site.requests("http://192.0.2.10/", 24)).keys()];
    assert.deepEqual(others, []);
    await made.update(weights(chosen === "rs1" ? 0 : 1, chosen === "rs2" ? 0 : 1));
    await assert.rejects(site.requests("http://192.0.2.10/", 4));
    await made.close();
  });

  describe("persistence", () => {
    it("keeps a client on its server, its mask and timeout read back, and is changed in place", async () => {
      const persistence = { timeoutS: 120, netmask: "255.255.255.0" };
      const made = await site.create("VirtualServer", web({ persistence }));
      assert.equal((await lines())[0], "-A -t 192.0.2.10:80 -s rr -p 120 -M 255.255.255.0");
      const before = await site.requests("http://192.0.2.10/", 8);
      // Each director has a memory of its own; the switch keeps a client's address on one for each connection.
      assert.ok(before.size <= site.directorNames.length);
      await made.update({ persistence: { timeoutS: 60, prefixLength: 24 } });
      assert.equal((await lines())[0], "-A -t 192.0.2.10:80 -s rr -p 60 -M 255.255.255.0");
      await made.update({ persistence: undefined });
      assert.equal((await lines())[0], "-A -t 192.0.2.10:80 -s rr");
      await made.close();
    });

    it("over IPv6, by prefix", async () => {
      const address = "2001:db8:100::21";
      const made = await site.create(
        "VirtualServer",
        web({ address, persistence: { prefixLength: 64 }, realServers: pool("ipv6") }),
      );
      assert.equal((await lines())[0], `-A -t [${address}]:80 -s rr -p 300 -M 64`);
      assert.ok((await site.requests(`http://[${address}]/`, 6)).size <= site.directorNames.length);
      await made.close();
    });

    it("every port of an address", async () => {
      const made = await site.create(
        "VirtualServer",
        web({ port: 0, persistence: {}, healthCheck: { ...TCP, port: 80 } }),
      );
      for (const table of await site.tables()) assert.match(table, /^-A -t 192\.0\.2\.10:0 -s rr -p 300$/m);
      for (const port of [80, 8080]) {
        const answers = await site.requests(`http://192.0.2.10:${port}/`, 4);
        assert.equal(
          [...answers.values()].reduce((a, b) => a + b),
          4,
        );
      }
      await made.close();
    });

    it("by the Call-ID of SIP", async () => {
      const made = await site.create(
        "VirtualServer",
        web({
          protocol: "udp",
          address: "192.0.2.12",
          port: 7000,
          persistence: { timeoutS: 60, engine: "sip" },
          healthCheck: undefined,
        }),
      );
      assert.equal((await lines())[0], "-A -u 192.0.2.12:7000 -s rr -p 60 --pe sip");
      const message = "OPTIONS sip:x SIP/2.0\r\nCall-ID: abc@example\r\n\r\n";
      const answers = await datagrams("192.0.2.12", 6, "each", message);
      assert.ok(new Set(answers).size <= site.directorNames.length, answers.join());
      await made.close();
    });
  });

  it("one-packet scheduling gives every datagram of one socket a turn", async () => {
    const made = await site.create(
      "VirtualServer",
      web({ protocol: "udp", address: "192.0.2.12", port: 7000, onePacket: true, healthCheck: undefined }),
    );
    assert.equal((await lines())[0], "-A -u 192.0.2.12:7000 -s rr -o");
    assert.deepEqual(new Set(await datagrams("192.0.2.12", 8, "one")), new Set(["rs1", "rs2"]));
    await made.update({ onePacket: false });
    assert.equal((await lines())[0], "-A -u 192.0.2.12:7000 -s rr");
    await made.close();
  });

  describe("firewall marks", () => {
    for (const family of ["ipv4", "ipv6"] as const) {
      it(`take the marked packets of ${family}, whatever their port`, async () => {
        const [iptables, address] =
          family === "ipv4" ? ["iptables-legacy", "192.0.2.40"] : ["ip6tables-legacy", "2001:db8:100::40"];
        const rule = `PREROUTING -d ${address} -p tcp -m tcp --dport 80:8080 -j MARK --set-mark 7`.split(" ");
        const mark = (verb: string) =>
          Promise.all(
            site.directorNames.map((name) => site.on(name, iptables, "-t", "mangle", verb, ...rule)),
          );
        await mark("-A");
        try {
          const { address: _, port: __, ...rest } = web();
          const made = await site.create("VirtualServer", {
            ...rest,
            fwmark: 7,
            family,
            healthCheck: { ...TCP, port: 80 },
            realServers: pool(family),
          });
          const key = family === "ipv4" ? "fwmark 7" : "fwmark 7 -6";
          assert.match(made.id, new RegExp(`/${key}$`));
          assert.equal((await lines())[0], `-A -f ${key.slice("fwmark ".length)} -s rr`);
          const host = family === "ipv4" ? address : `[${address}]`;
          for (const port of [80, 8080]) {
            const answers = await site.requests(`http://${host}:${port}/`, 8);
            assert.deepEqual([...answers.keys()].sort(), ["rs1", "rs2"]);
          }
          assert.equal((await made.read())?.drift, undefined);
          await made.close();
        } finally {
          await mark("-D");
        }
      });
    }

    it("of both families are two virtual servers", async () => {
      const marked = (family: "ipv4" | "ipv6") => ({
        name: family,
        fwmark: 9,
        family,
        scheduler: "wlc",
        realServers: pool(family),
      });
      const [four, six] = await Promise.all([
        site.create("VirtualServer", marked("ipv4")),
        site.create("VirtualServer", marked("ipv6")),
      ]);
      assert.equal((await lines()).filter((line) => line.startsWith("-A")).length, 2);
      await four.close();
      assert.deepEqual((await lines())[0], "-A -f 9 -6 -s wlc");
      await six.close();
    });
  });

  describe("sctp", () => {
    /**
     * Two servers that answer at these addresses alone: one that listens on all of its addresses tells them to the client,
     * which then goes on with another one than the virtual address.
     */
    const serving = async (addresses: readonly [string, string], test: () => Promise<void>) => {
      const servers = ["rs1", "rs2"].map((name, index) => ({ name, address: addresses[index] ?? "" }));
      const peer = (verb: string, { name, address }: { name: string; address: string }) =>
        site.lab.exec(name, [process.execPath, SCTP_PEER, verb, address, String(SCTP_PORT), name]);
      // SCTP over IPv6 binds to nothing that is only routed to this host, as the lab's virtual addresses are.
      const placed = servers.filter(({ name, address }) => address !== site.address(name, familyOf(address)));
      const place = (verb: "add" | "del") =>
        Promise.all(
          placed.map(({ name, address }) => site.on(name, "ip", "addr", verb, address, "dev", "lo")),
        );
      await place("add");
      const running = servers.map((server) => peer("serve", server));
      for (const { name } of servers) await site.on(name, "sh", "-c", LISTENS);
      try {
        await test();
      } finally {
        for (const server of servers) await peer("stop", server);
        await Promise.all(running);
        await place("del");
      }
    };

    for (const family of ["ipv4", "ipv6"] as const) {
      for (const forwarding of ["nat", "dr", "tun"] as const) {
        it(`over ${family} by ${forwarding} reaches both servers`, async () => {
          const address = family === "ipv4" ? "192.0.2.50" : "2001:db8:100::50";
          const realServers = pool(family, { forwarding });
          const own = realServers.map((one) => (forwarding === "nat" ? one.address : address));
          await serving([own[0] ?? "", own[1] ?? ""], async () => {
            const made = await site.create("VirtualServer", {
              ...web({ protocol: "sctp", address, port: SCTP_PORT, realServers }),
              healthCheck: { ...TCP, port: 80 },
            });
            const argv = [process.execPath, SCTP_PEER, "ask", address, String(SCTP_PORT), "6"];
            const { code, stdout, stderr } = await site.lab.exec("client", argv);
            assert.equal(code, 0, stderr);
            assert.deepEqual(new Set(stdout.trim().split("\n")), new Set(["rs1", "rs2"]));
            await made.close();
          });
        });
      }
    }
  });

  describe("tunnels", () => {
    before(async () => {
      for (const name of ["rs1", "rs2"]) {
        const setUp = [
          `ip fou add port ${GUE_PORT} gue`,
          "ip link set gre0 up",
          "sysctl -qw net.ipv4.conf.gre0.rp_filter=0",
        ];
        await site.on(name, "sh", "-ec", setUp.join("\n"));
      }
    });
    /** gre0 drops what has a checksum; a device of its own takes that, and nothing else. */
    const takeChecksums = async (verb: "add" | "del") => {
      for (const name of ["rs1", "rs2"]) {
        const device = verb === "add" ? ["type", "gre", "local", site.address(name), "icsum"] : [];
        await site.on(name, "ip", "link", verb, "heye-gre", ...device);
        if (verb === "del") continue;
        await site.on(name, "ip", "link", "set", "heye-gre", "up");
        await site.on(name, "sysctl", "-qw", "net.ipv4.conf.heye-gre.rp_filter=0");
      }
    };
    const tunnels = [
      [{ type: "ipip" }, ""],
      [{ type: "gue", port: GUE_PORT }, " --tun-type gue --tun-port 6080 --tun-nocsum"],
      [{ type: "gue", port: GUE_PORT, checksum: "normal" }, " --tun-type gue --tun-port 6080 --tun-csum"],
      [{ type: "gue", port: GUE_PORT, checksum: "remote" }, " --tun-type gue --tun-port 6080 --tun-remcsum"],
      [{ type: "gre" }, " --tun-type gre --tun-nocsum"],
      [{ type: "gre", checksum: "normal" }, " --tun-type gre --tun-csum"],
    ] as const;
    for (const [tunnel, option] of tunnels) {
      const checksum = "checksum" in tunnel ? ` with ${tunnel.checksum} checksum` : "";
      it(`${tunnel.type}${checksum} carries traffic, and is read back`, async () => {
        if (tunnel.type === "gre" && checksum !== "") await takeChecksums("add");
        const realServers = pool("ipv4", { forwarding: "tun", tunnel });
        const made = await site.create("VirtualServer", web({ realServers }));
        const printed = option === "" ? " --tun-type ipip" : option;
        assert.equal(
          (await lines())[1],
          `-a -t 192.0.2.10:80 -r ${site.address("rs1")}:80 -i -w 1${printed}`,
        );
        assert.deepEqual([...(await site.requests("http://192.0.2.10/", 8)).keys()].sort(), ["rs1", "rs2"]);
        assert.equal((await made.read())?.drift, undefined);
        await made.close();
        if (tunnel.type === "gre" && checksum !== "") await takeChecksums("del");
      });
    }

    it("change from one type to another in place", async () => {
      const made = await site.create(
        "VirtualServer",
        web({ realServers: pool("ipv4", { forwarding: "tun" }) }),
      );
      const before = await site.table("d1");
      await made.update({ realServers: pool("ipv4", { forwarding: "tun", tunnel: { type: "gre" } }) });
      assert.notEqual(await site.table("d1"), before);
      assert.deepEqual([...(await site.requests("http://192.0.2.10/", 8)).keys()].sort(), ["rs1", "rs2"]);
      await made.close();
    });
  });

  it("thresholds are written, read back, seen when changed by hand, and changed in place", async () => {
    const limited = (upperThreshold?: number, lowerThreshold?: number) =>
      pool("ipv4", { upperThreshold, lowerThreshold });
    const listed = async () => {
      const list = await site.on("d1", "ipvsadm", "-L", "-n", "--thresholds");
      return list.split("\n").flatMap(
        (line) =>
          line
            .match(/-> \S+ +(\d+) +(\d+)/)
            ?.slice(1, 3)
            .join("/") ?? [],
      );
    };
    const made = await site.create("VirtualServer", web({ realServers: limited(100, 50) }));
    assert.deepEqual(await listed(), ["100/50", "100/50"]);
    assert.equal((await made.read())?.drift, undefined);
    await made.update({ realServers: limited(200) });
    assert.deepEqual(await listed(), ["200/0", "200/0"]);
    const edit = ["ipvsadm", "-e", "-t", "192.0.2.10:80", "-r", `${site.address("rs1")}:80`, "-m", "-x", "7"];
    await site.on("d1", ...edit);
    const seen = await made.read();
    assert.match(
      JSON.stringify(seen?.drift),
      /"d1":\["virtual server tcp 192\.0\.2\.10:80 lacks: .* -x 200; found: .*"\]/,
    );
    await made.update({});
    assert.deepEqual(await listed(), ["200/0", "200/0"]);
    await made.update({ realServers: limited() });
    assert.deepEqual(await listed(), ["0/0", "0/0"]);
    await made.close();
  });
});

/** Waits until an SCTP socket of this network listens. */
const LISTENS = 'until grep -q " 9000 " /proc/net/sctp/eps; do sleep 0.2; done';
