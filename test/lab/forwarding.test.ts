import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { checkForwarding, forwardingPath } from "../../director";
import { handlerFor } from "../../provider";
import { GateError } from "../../provider/errors";
import { Fleet } from "../../provider/fleet";
import { healthCheck } from "../../spec";
import { QUICK, Site } from "./site";

const PREFIX = { ipv4: "192.0.2.0/24", ipv6: "2001:db8:100::/64" } as const;
const FAMILIES = ["ipv4", "ipv6"] as const;

/** What a probe adds to a director, by any of its names. */
const LEFT = `
ip -o link | grep heye-probe
tc qdisc show | grep -e clsact -e ingress
ls /run/heye/probe 2>/dev/null | grep -v lock
ps -eo pid,args | grep heye-prob[e] | cut -c 1-60`;

describe("the gate through the forwarding path", () => {
  let site: Site;

  before(async () => {
    site = await Site.up({ directors: 2, servers: 3, database: false });
    // With connection tracking IPVS drops the first packet of a client's port that it still remembers. Only nat needs it.
    for (const name of site.directorNames) await site.on(name, "sysctl", "-qw", "net.ipv4.vs.conntrack=0");
  });

  after(() => site?.down());

  afterEach(() => site.wipe());

  const pool = (names: readonly string[], family: "ipv4" | "ipv6", forwarding: string) =>
    names.map((name) => ({ address: site.address(name, family), forwarding }));

  const service = (address: string, properties: Record<string, unknown>) => ({
    name: "web",
    address,
    port: 80,
    scheduler: "rr",
    healthCheck: { type: "http", ...QUICK },
    ...properties,
  });

  /** Takes a server's virtual addresses away while something is done. */
  async function withoutAddress<T>(
    server: string,
    family: "ipv4" | "ipv6",
    act: () => Promise<T>,
  ): Promise<T> {
    const [ip, prefix] = [family === "ipv4" ? "-4" : "-6", PREFIX[family]];
    await site.on(server, "ip", ip, "route", "del", "local", prefix, "dev", "lo");
    try {
      return await act();
    } finally {
      await site.on(server, "ip", ip, "route", "add", "local", prefix, "dev", "lo");
    }
  }

  /** Waits until no director has anything of a probe's left; fails with what there is. */
  async function nothingLeft(): Promise<void> {
    const end = performance.now() + 20_000;
    for (const name of site.directorNames) {
      for (;;) {
        const { stdout: left } = await site.lab.exec(name, ["sh"], { stdin: LEFT });
        if (left === "") break;
        assert.ok(performance.now() < end, `${name}: ${left}`);
        await delay(100);
      }
    }
  }

  for (const family of FAMILIES) {
    for (const forwarding of ["dr", "tun"] as const) {
      // One each: a connection by dr that IPVS still remembers would take a client's port, and is sent astray once the
      // server's cached route is that of tun.
      const last = forwarding === "dr" ? 41 : 43;
      const address = family === "ipv4" ? `192.0.2.${last}` : `2001:db8:100::${last}`;
      const url = family === "ipv4" ? `http://${address}/` : `http://[${address}]/`;

      it(`lets servers with the virtual address in, and finds one that lacks it: ${forwarding} over ${family}`, async () => {
        const made = await site.create(
          "VirtualServer",
          service(address, { realServers: pool(["rs1", "rs3"], family, forwarding) }),
        );
        assert.deepEqual([...(await site.requests(url, 8)).keys()].sort(), ["rs1", "rs3"]);
        await nothingLeft();
        const before = await site.tables();
        // One at a time: at full speed the client would use its ports a second time before the check has ended. Frames
        // that a probe takes away stay away for as long as it asks; a first packet that comes late is no such thing.
        const load = await site.lab.startTraffic({ url, concurrency: 1, connectTimeoutMs: 2_500 });
        await site.lab.resetCounts();
        const change = {
          realServers: pool(["rs1", "rs2", "rs3"], family, forwarding),
          healthCheck: { type: "http", ...QUICK, timeoutMs: 1_000, deadlineMs: 2_000 },
        };
        await withoutAddress("rs2", family, async () =>
          assert.rejects(made.update(change), (error: Error) => {
            assert.ok(error instanceof GateError, String(error));
            assert.deepEqual(
              error.failures.map(({ director, server }) => `${director} ${server}`).sort(),
              ["d1", "d2"].map((name) => `${name} ${site.address("rs2", family)}`).map(withPort),
            );
            const at = family === "ipv4" ? `${address}:80` : `[${address}]:80`;
            assert.match(
              error.message,
              new RegExp(`http HEAD / on ${at.replace(/[[\]]/g, "\\$&")} by ${forwarding}`),
            );
            assert.match(error.message, /no answer within 1000 ms/);
            return true;
          }),
        );
        const report = await load.stop();
        assert.deepEqual(report.errors, {});
        assert.deepEqual(Object.keys(report.servers).sort(), ["rs1", "rs3"]);
        assert.deepEqual(await site.tables(), before);
        await nothingLeft();
        await made.close();
      });
    }
  }

  describe("a director", () => {
    const address = "192.0.2.42";

    /** A check that hangs in the middle: the virtual address is not there, and nobody loses patience. */
    async function hanging(act: (fleet: Fleet) => Promise<void>): Promise<void> {
      const fleet = new Fleet();
      const [director] = fleet.of(site.cluster);
      assert.ok(director);
      const member = { address: site.address("rs2"), port: 80, weight: 1, forwarding: "dr" } as const;
      const patient = { intervalMs: 60_000, timeoutMs: 60_000, deadlineMs: 60_000 };
      const check = healthCheck.parse({ type: "tcp", rise: 1, ...patient });
      const path = forwardingPath({ protocol: "tcp", address, port: 80 }, member, check);
      assert.ok(path);
      await withoutAddress("rs2", "ipv4", async () => {
        const checking = checkForwarding(director, path);
        try {
          await until(async () => (await insideOf("d1")) !== "");
          await act(fleet);
        } finally {
          await fleet.close();
        }
        assert.equal((await checking).healthy, false);
      });
    }

    /** The processes of a check on a director, once its connection is being made; empty before. */
    async function insideOf(name: string): Promise<string> {
      const script = `
for one in /proc/[0-9]*; do
  if grep -qs heye0 "$one/net/dev" && grep -qs " 02 " "$one/net/tcp"; then echo "\${one#/proc/}"; fi
done`;
      return (await site.lab.exec(name, ["sh"], { stdin: script })).stdout;
    }

    async function until(isSo: () => Promise<boolean>): Promise<void> {
      const end = performance.now() + 20_000;
      while (!(await isSo())) {
        assert.ok(performance.now() < end, "it did not come to it");
        await delay(50);
      }
    }

    it("keeps nothing when the session breaks", async () => {
      await hanging(async (fleet) => fleet.close());
      await nothingLeft();
    });

    it("keeps nothing when what checks is killed", async () => {
      await hanging(async () => {
        const pids = ((await insideOf("d1")).match(/\d+/g) ?? []).map(Number);
        await site.on("d1", "kill", "-KILL", String(Math.min(...pids)));
        await nothingLeft();
      });
    });

    it("keeps nothing after the next check when all of a check was killed", async () => {
      await hanging(async () => {
        await site.on(
          "d1",
          "sh",
          "-c",
          "for one in $(cut -d ' ' -f 1 /run/heye/probe/[0-9]*); do kill -KILL $one; done",
        );
      });
      assert.notEqual((await site.lab.exec("d1", ["sh"], { stdin: LEFT })).stdout, "");
      const made = await site.create(
        "VirtualServer",
        service(address, { realServers: pool(["rs1"], "ipv4", "dr") }),
      );
      await nothingLeft();
      await made.close();
    });

    it("keeps what others have put on the interface", async () => {
      const filter =
        "protocol ip pref 7 u32 match ip dst 203.0.113.1/32 action mirred egress redirect dev lo";
      await site.on("d1", "tc", "qdisc", "add", "dev", "ethb", "clsact");
      await site.on("d1", "tc", "filter", "add", "dev", "ethb", "ingress", ...filter.split(" "));
      const rules = () =>
        site.on("d1", "sh", "-c", "tc qdisc show dev ethb; tc filter show dev ethb ingress");
      const before = await rules();
      const made = await site.create(
        "VirtualServer",
        service(address, { realServers: pool(["rs1"], "ipv4", "dr") }),
      );
      await until(async () => (await rules()) === before);
      await made.close();
      await site.on("d1", "tc", "qdisc", "del", "dev", "ethb", "clsact");
    });

    it("that cannot check says what it lacks, and how to do without", async () => {
      const tc = (await site.on("d2", "sh", "-c", "command -v tc")).trim();
      await site.on("d2", "mv", tc, "/tmp/tc");
      try {
        const realServers = pool(["rs1"], "ipv4", "dr");
        const inputs = site.inputs("VirtualServer", service(address, { realServers }));
        const handler = handlerFor("VirtualServer", site.fleet);
        await assert.rejects(handler.create(inputs), (error: Error) => {
          assert.match(
            error.message,
            /director d2: cannot check through the forwarding path: there is no tc/,
          );
          assert.match(error.message, /forwardingCheck: false/);
          assert.doesNotMatch(error.message, /director d1/);
          return true;
        });
        const healthCheck = { type: "http", ...QUICK, forwardingCheck: false };
        const made = await site.create("VirtualServer", service(address, { realServers, healthCheck }));
        await made.close();
      } finally {
        await site.on("d2", "mv", "/tmp/tc", tc);
      }
    });

    for (const family of FAMILIES) {
      it(`is not deceived by a server that passes on what it lacks, over ${family}`, async () => {
        const [virtual, forwarding] =
          family === "ipv4"
            ? [address, "net.ipv4.ip_forward"]
            : ["2001:db8:100::42", "net.ipv6.conf.all.forwarding"];
        const made = await site.create(
          "VirtualServer",
          service(virtual, { realServers: pool(["rs1"], family, "dr") }),
        );
        await site.on("rs2", "sysctl", "-w", `${forwarding}=1`);
        await withoutAddress("rs2", family, () =>
          assert.rejects(
            made.update({
              realServers: pool(["rs1", "rs2"], family, "dr"),
              healthCheck: { type: "http", ...QUICK, timeoutMs: 500, deadlineMs: 1_000 },
            }),
            GateError,
          ),
        );
        await site.on("rs2", "sysctl", "-w", `${forwarding}=0`);
        await made.close();
      });
    }
  });
});

function withPort(line: string): string {
  const [director, address = ""] = line.split(" ");
  return address.includes(":") ? `${director} [${address}]:80` : `${director} ${address}:80`;
}
