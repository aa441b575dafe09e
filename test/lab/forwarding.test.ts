import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { GateError } from "../../provider/errors";
import { QUICK, Site } from "./site";

const PREFIX = { ipv4: "192.0.2.0/24", ipv6: "2001:db8:100::/64" } as const;
const FAMILIES = ["ipv4", "ipv6"] as const;

/** What a probe adds to a director, by any of its names. */
const LEFT = `
ip -o link | grep heye-probe
tc qdisc show | grep -e clsact -e ingress
ls /run/heye/probe 2>/dev/null | grep -v lock
ps -eo args | grep heye-prob[e]`;

describe("the gate through the forwarding path", () => {
  let site: Site;

  before(async () => {
    site = await Site.up({ directors: 2, servers: 3, database: false });
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
      const address = family === "ipv4" ? "192.0.2.41" : "2001:db8:100::41";
      const url = family === "ipv4" ? `http://${address}/` : `http://[${address}]/`;

      it(`lets servers with the virtual address in: ${forwarding} over ${family}`, async () => {
        const made = await site.create(
          "VirtualServer",
          service(address, { realServers: pool(["rs1", "rs2"], family, forwarding) }),
        );
        assert.deepEqual([...(await site.requests(url, 8)).keys()].sort(), ["rs1", "rs2"]);
        await nothingLeft();
        await made.close();
      });

      it(`finds one that lacks it, and keeps it out: ${forwarding} over ${family}`, async () => {
        const made = await site.create(
          "VirtualServer",
          service(address, { realServers: pool(["rs1", "rs3"], family, forwarding) }),
        );
        const before = await site.tables();
        const load = await site.lab.startTraffic({ url });
        await site.lab.resetCounts();
        const change = {
          realServers: pool(["rs1", "rs2", "rs3"], family, forwarding),
          healthCheck: { type: "http", ...QUICK, timeoutMs: 500, deadlineMs: 1_500 },
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
            assert.match(error.message, /no answer within 500 ms/);
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
});

function withPort(line: string): string {
  const [director, address = ""] = line.split(" ");
  return address.includes(":") ? `${director} [${address}]:80` : `${director} ${address}:80`;
}
