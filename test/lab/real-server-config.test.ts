import assert from "node:assert/strict";
import { realServerConfig, type Tunnel } from "../../spec";
import { QUICK, Site } from "./site";

const ADDRESS = { ipv4: "192.0.2.51", ipv6: "2001:db8:100::51" } as const;

/** A server as it comes from the shop: nothing of what the lab gives its servers for dr and tun. */
const BARE = `
ip -4 route del local 192.0.2.0/24 dev lo
ip -6 route del local 2001:db8:100::/64 dev lo
ip link set tunl0 down
ip link set ip6tnl0 down
sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.all.arp_announce=0
sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.tunl0.rp_filter=1`;

const TUNNELS: readonly (Tunnel | undefined)[] = [
  undefined,
  { type: "ipip", checksum: "none" },
  { type: "gue", port: 6080, checksum: "none" },
  { type: "gue", port: 6080, checksum: "normal" },
  { type: "gue", port: 6080, checksum: "remote" },
  { type: "gre", checksum: "none" },
  { type: "gre", checksum: "normal" },
];

describe("what a real server is told to set up", () => {
  let site: Site;

  before(async () => {
    site = await Site.up({ directors: 1, servers: 1, database: false });
    await onServer(BARE);
  });

  after(() => site?.down());

  async function onServer(script: string): Promise<void> {
    const { code, stderr } = await site.lab.exec("rs1", ["sh", "-e"], { stdin: script });
    assert.equal(code, 0, stderr);
  }

  for (const family of ["ipv4", "ipv6"] as const) {
    for (const tunnel of TUNNELS) {
      const forwarding = tunnel ? "tun" : "dr";
      const how = tunnel ? `${tunnel.type} with checksum ${tunnel.checksum}` : "dr";

      it(`makes it one: ${how} over ${family}`, async () => {
        const address = ADDRESS[family];
        const role = {
          addresses: [address],
          forwarding,
          tunnel,
          server: site.address("rs1", family),
        } as const;
        await onServer(realServerConfig(role));
        await onServer(realServerConfig(role));
        const made = await site.create("VirtualServer", {
          name: "web",
          address,
          port: 80,
          healthCheck: { type: "http", ...QUICK },
          realServers: [{ address: site.address("rs1", family), forwarding, ...(tunnel && { tunnel }) }],
        });
        const url = family === "ipv4" ? `http://${address}/` : `http://[${address}]/`;
        // Whether packets find their way, not how soon: making tunnels keeps the lab's one processor busy.
        const report = await site.lab.traffic({ url, requests: 20, connectTimeoutMs: 5_000 });
        assert.deepEqual([report.errors, report.servers], [{}, { rs1: 20 }]);
        await made.close();
        await onServer(undoing(realServerConfig(role, "files")));
      });
    }
  }
});

/** The way back, as the unit among the files has it. */
function undoing(files: string): string {
  return [...files.matchAll(/^ExecStop=-(.*)$/gm)].map(([, command]) => `${command}\n`).join("");
}
