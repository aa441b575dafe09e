import assert from "node:assert/strict";
import { Site } from "./site";

/** Stands before ipvsadm and counts how often the whole table is asked for. */
const COUNTER = `
real=$(command -v ipvsadm)
cat >/usr/local/sbin/ipvsadm.new <<END
#!/bin/sh
if [ "\\$1" = --save ]; then echo >>/run/saves; fi
exec $real "\\$@"
END
chmod 755 /usr/local/sbin/ipvsadm.new
mv /usr/local/sbin/ipvsadm.new /usr/local/sbin/ipvsadm
: >/run/saves
`;

/** Virtual servers of every kind that procfs writes in a way of its own. */
const PLACES: Readonly<
  Record<string, { readonly service: object; readonly server: (last: number) => object }>
> = {
  "tcp, nat": { service: at("192.0.2.21", "tcp"), server: (last) => ({ address: `10.20.9.${last}` }) },
  "udp, dr": {
    service: at("192.0.2.22", "udp"),
    server: (last) => ({ address: `10.20.9.${last}`, forwarding: "dr" }),
  },
  "sctp in IPv6": {
    service: at("2001:db8::21", "sctp"),
    server: (last) => ({ address: `2001:db8:9::${last}` }),
  },
  "a firewall mark": {
    service: { fwmark: 171 },
    server: (last) => ({ address: `10.20.9.${last}`, port: 0, forwarding: "dr" }),
  },
};

function at(address: string, protocol: string): object {
  return { address, protocol, port: 80 };
}

describe("a change compares the table at a glance", () => {
  let site: Site;
  before(async () => {
    site = await Site.up({ directors: 1, servers: 1, database: false });
    await site.on("d1", "/bin/sh", "-c", COUNTER);
  });
  after(() => site?.down());

  /** How often the director asked for its whole table since this was last asked. */
  const saves = async () => (await site.on("d1", "/bin/sh", "-c", "cat /run/saves; : >/run/saves")).length;
  const unchecked = { scheduler: "wrr", healthCheck: { type: "none" } };

  for (const [what, { service, server }] of Object.entries(PLACES)) {
    it(`where procfs tells all of it: ${what}`, async () => {
      const pool = (...weights: number[]) =>
        weights.map((weight, index) => ({ ...server(index + 1), weight, drainMs: 0 }));
      const made = await site.create("VirtualServer", {
        name: "web",
        ...service,
        ...unchecked,
        realServers: pool(1),
      });
      await saves();
      await made.update({ realServers: pool(3, 1) });
      await made.update({ realServers: pool(2) });
      await made.update({ scheduler: "wlc" });
      assert.equal(await saves(), 0);
      await made.close();
    });
  }

  it("but reads it whole where procfs hides something, and where another hand was on it", async () => {
    const inline = (extra: object) => [{ address: "10.20.9.1", drainMs: 0, ...extra }];
    const made = await site.create("VirtualServer", {
      name: "web",
      ...at("192.0.2.21", "tcp"),
      ...unchecked,
      realServers: inline({ weight: 1 }),
    });
    await saves();
    await made.update({ realServers: inline({ weight: 1, forwarding: "tun" }) });
    assert.ok((await saves()) > 0);
    await site.on("d1", "ipvsadm", "-A", "-t", "192.0.2.99:80", "-s", "rr");
    await saves();
    await made.update({ realServers: inline({ weight: 4, forwarding: "tun" }) });
    assert.ok((await saves()) > 0);
    await made.close();
    await site.on("d1", "ipvsadm", "-D", "-t", "192.0.2.99:80");
  });
});
