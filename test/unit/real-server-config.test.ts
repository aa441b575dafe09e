import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { RealServerConfigUsageError, textFor } from "../../cli/realserver-config";
import { configText } from "../../sdk/real-server-config";
import { RealServerRoleError, realServerConfig } from "../../spec";

describe("what a real server needs", () => {
  it("by dr: silence about the address, then the address", () => {
    assert.equal(
      textFor(["--address", "192.0.2.10", "--address", "2001:DB8::1", "--forwarding", "dr"]),
      `# Real server for 192.0.2.10, 2001:db8::1 by dr.
# As root; can be run again; is gone after a reboot (--format files is not).
sysctl -w net.ipv4.conf.all.arp_ignore=1
sysctl -w net.ipv4.conf.all.arp_announce=2
ip address replace 192.0.2.10/32 dev lo
ip address replace 2001:db8::1/128 dev lo preferred_lft 0
`,
    );
  });

  it("by tun, as files: modules, settings, and a unit that undoes itself backwards", () => {
    const argv = [
      "--address",
      "192.0.2.10",
      "--forwarding",
      "tun",
      "--tunnel",
      "gue",
      "--tunnel-port",
      "6080",
    ];
    assert.equal(
      textFor([...argv, "--format", "files"]),
      `# Real server for 192.0.2.10 by tun (gue).
# As root: write these files, then \`systemctl daemon-reload && systemctl enable --now heye-realserver\`.
# ipv4: requests grow by 32 bytes on their way. Raise the MTU between directors and servers by as much,
# or announce a smaller segment size in the server's answers (for an MTU of 1500), on the route to its clients:
#   ip route change default via GATEWAY dev DEVICE advmss 1428

# ==> /etc/modules-load.d/heye-realserver.conf <==
ipip
fou

# ==> /etc/sysctl.d/50-heye-realserver.conf <==
net.ipv4.conf.all.arp_ignore = 1
net.ipv4.conf.all.arp_announce = 2

# ==> /etc/systemd/system/heye-realserver.service <==
[Unit]
Description=Virtual addresses of this real server
Wants=network.target
After=systemd-modules-load.service systemd-sysctl.service network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=-ip fou del port 6080
ExecStart=ip fou add port 6080 gue
ExecStart=ip link set tunl0 up
ExecStart=ip address replace 192.0.2.10/32 dev tunl0
ExecStart=sysctl -w net.ipv4.conf.tunl0.rp_filter=2
ExecStop=-ip address del 192.0.2.10/32 dev tunl0
ExecStop=-ip link set tunl0 down
ExecStop=-ip fou del port 6080

[Install]
WantedBy=multi-user.target
`,
    );
  });

  it("by nat: a way back, and no command", () => {
    const lines = realServerConfig({ addresses: ["192.0.2.10"], forwarding: "nat" })
      .trim()
      .split("\n");
    assert.deepEqual(
      lines.filter((line) => !line.startsWith("# ")),
      [],
    );
    assert.match(lines.join("\n"), /must come back through the director/);
  });

  it("by gre with a checksum: a tunnel of its own, from the server's address", () => {
    const role = {
      addresses: ["2001:db8::1"],
      forwarding: "tun",
      tunnel: { type: "gre", checksum: "normal" },
    } as const;
    assert.match(
      realServerConfig({ ...role, server: "fd20::1" }),
      /^ip link add heye-gre6 type ip6gre local fd20::1 icsum$/m,
    );
    assert.throws(() => realServerConfig(role), RealServerRoleError);
    assert.throws(() => realServerConfig({ ...role, server: "10.0.0.1" }), RealServerRoleError);
  });

  it("is refused with all that is wrong at once", () => {
    const argv = ["--address", "a b", "--forwarding", "du", "--tunnel", "gue", "--tunnel-checksum", "x"];
    assert.throws(
      () => textFor([...argv, "--format", "yaml"]),
      (error: Error) => {
        assert.ok(error instanceof RealServerConfigUsageError);
        for (const option of ["--address", "--forwarding", "--tunnel-port", "--tunnel-checksum", "--format"])
          assert.match(error.message, new RegExp(`^${option}: expected `, "m"));
        return true;
      },
    );
    assert.throws(
      () => textFor(["--forwarding", "dr"]),
      /--address: expected a virtual address, found nothing/,
    );
    assert.throws(() => textFor(["--bogus"]), RealServerConfigUsageError);
  });

  const GUE = ["--tunnel", "gue", "--tunnel-port", "6080", "--tunnel-checksum", "normal"];
  const meaningless: [string, string[], string[]][] = [
    [
      "a tunnel's options with dr",
      ["dr", ...GUE, "--server", "10.0.0.1"],
      ["--tunnel", "--tunnel-port", "--tunnel-checksum", "--server"],
    ],
    [
      "a tunnel's options with nat",
      ["nat", "--tunnel", "ipip", "--format", "files"],
      ["--tunnel", "--format"],
    ],
    ["a port of ipip", ["tun", "--tunnel-port", "6080"], ["--tunnel-port"]],
    [
      "what gre without a checksum has no use for",
      ["tun", "--tunnel", "gre", "--tunnel-port", "1", "--server", "10.0.0.1"],
      ["--tunnel-port", "--server"],
    ],
  ];
  for (const [what, argv, options] of meaningless) {
    it(`refuses ${what}, all at once`, () => {
      assert.throws(
        () => textFor(["--address", "192.0.2.10", "--forwarding", ...argv]),
        (error: Error) => {
          assert.ok(error instanceof RealServerConfigUsageError);
          const found = [...error.message.matchAll(/^(--[a-z-]+): expected /gm)].map(([, option]) => option);
          assert.deepEqual(found, options);
          return true;
        },
      );
    });
  }

  it("is refused to programs too, for a tunnel that does not exist", () => {
    const role = {
      addresses: ["192.0.2.10"],
      forwarding: "dr",
      tunnel: { type: "gue", checksum: "none" },
    } as const;
    assert.throws(() => realServerConfig(role), /^RealServerRoleError: tunnel: expected none with dr/);
    assert.throws(
      () => realServerConfig({ ...role, forwarding: "tun" }),
      /^RealServerRoleError: tunnel\.port: expected the UDP port/,
    );
  });

  it("lets nothing into a text for a shell but addresses, numbers and words of ours", () => {
    const evil = "10.0.0.1; reboot";
    const gre = { type: "gre", checksum: "normal" } as const;
    const gue = { type: "gue", checksum: "none", port: "80; reboot" as unknown as number } as const;
    const role = { addresses: ["192.0.2.10"], forwarding: "tun" } as const;
    const refused = (more: object, reason: RegExp) =>
      assert.throws(() => realServerConfig({ ...role, ...more }), {
        name: "RealServerRoleError",
        message: reason,
      });
    refused({ tunnel: gre, server: evil }, /^server: expected an IPv4 or IPv6 address/);
    refused({ addresses: [`${evil}`] }, /^address: expected an IPv4 or IPv6 address/);
    refused({ tunnel: gue }, /^tunnel\.port: expected a whole number/);
    refused({ tunnel: { type: "ipip; reboot", checksum: "none" } }, /^tunnel\.type: expected one of/);
    refused({ forwarding: "tun\nreboot" }, /^forwarding: expected one of/);
    assert.match(realServerConfig({ ...role, addresses: ["2001:DB8:0::1"] }), /2001:db8::1\/128/);
  });

  it("is what a program gets of its virtual server too", async () => {
    const text = await new Promise<string>((resolve) => {
      configText(pulumi.output("192.0.2.10"), { forwarding: "tun", tunnel: { type: "gre" } }).apply(resolve);
    });
    assert.equal(text, textFor(["--address", "192.0.2.10", "--forwarding", "tun", "--tunnel", "gre"]));
  });
});
