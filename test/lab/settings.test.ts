import assert from "node:assert/strict";
import { handlerFor } from "../../provider";
import type { Properties } from "../../provider/handler";
import { Site } from "./site";

const VS = "/proc/sys/net/ipv4/vs";

describe("a cluster's settings on real directors", () => {
  let site: Site;
  before(async () => {
    site = await Site.up({ directors: 2, servers: 2, database: false });
  });
  after(() => site?.down());
  afterEach(async function () {
    if (this.currentTest?.isFailed()) await site.wipe();
    else await site.expectEmpty();
  });

  const handler = () => handlerFor("Cluster", site.fleet);
  const declare = (properties: Properties): Properties => {
    const directors = [...site.cluster.directors];
    const { inputs, problems } = handler().check({
      name: "test",
      label: "tests Cluster test",
      directors,
      ...properties,
    });
    assert.deepEqual(problems, []);
    return JSON.parse(JSON.stringify(inputs)) as Properties;
  };
  /** A cluster that was created; closing it proves that applying again writes nothing, and that it takes all back. */
  const create = async (properties: Properties) => {
    let inputs = declare(properties);
    const { id, outputs } = await handler().create(inputs);
    let state = outputs;
    const written = () =>
      Promise.all(
        site.directorNames.map((name) =>
          site.on(name, "sh", "-c", "stat -c %i%z /var/lib/heye/settings || :"),
        ),
      );
    return {
      id,
      state: () => state,
      update: async (changes: Properties) => {
        inputs = declare(changes);
        state = await handler().update(id, state, inputs);
      },
      refresh: async () => {
        const found = await handler().read(id, state);
        assert.ok(found);
        state = found.outputs;
        return found.outputs;
      },
      isChanged: () => handler().diff(state, inputs).changes,
      repair: async () => {
        state = await handler().update(id, state, inputs);
      },
      destroy: () => handler().delete(id, state),
      close: async () => {
        const before = await written();
        await handler().update(id, state, inputs);
        assert.deepEqual(await written(), before, "applying again wrote to a director");
        assert.equal(handler().diff(state, inputs).changes, false);
        await handler().delete(id, state);
      },
    };
  };
  const everywhere = (command: string) =>
    Promise.all(site.directorNames.map(async (name) => (await site.on(name, "sh", "-c", command)).trim()));
  const values = (...names: string[]) => everywhere(`cd ${VS} && cat ${names.join(" ")} | tr '\\n' ' '`);
  const timeouts = () => everywhere("ipvsadm -L --timeout");

  it("tells what each director is", async () => {
    const made = await create({});
    for (const node of Object.values(made.state().nodes as Record<string, Properties>)) {
      assert.match(String(node.kernel), /^\d+\.\d+/);
      assert.match(String(node.ipvsadm), /^ipvsadm v1\.\d+/);
      assert.match(String(node.architecture), /^(x86_64|aarch64)$/);
      assert.match(String(node.distribution), /\w/);
      assert.ok((node.schedulers as string[]).includes("mh"));
      assert.equal(node.clockSkewMs, 0);
    }
    assert.deepEqual(Object.keys(made.state().nodes as object), ["d1", "d2"]);
    await made.close();
  });

  it("are set, changed in place, and go back to what they were", async () => {
    const [before, beforeTimeouts] = [
      await values("sloppy_tcp", "conntrack", "conn_reuse_mode"),
      await timeouts(),
    ];
    const made = await create({
      settings: {
        sloppyTcp: true,
        conntrack: true,
        connReuseMode: 2,
        sysctls: { "net.ipv4.vs.drop_entry": "1" },
      },
      timeouts: { tcpS: 1200, udpS: 60 },
    });
    assert.deepEqual(
      await values("sloppy_tcp", "conntrack", "conn_reuse_mode", "drop_entry"),
      Array(2).fill("1 1 2 1"),
    );
    for (const text of await timeouts()) assert.match(text, /: 1200 \d+ 60$/);
    await made.update({ settings: { conntrack: false }, timeouts: { tcpS: 1000 } });
    assert.deepEqual(await values("sloppy_tcp", "conntrack", "drop_entry"), Array(2).fill("0 0 0"));
    for (const text of await timeouts()) assert.match(text, /: 1000 \d+ 300$/);
    await made.close();
    assert.deepEqual(await values("sloppy_tcp", "conntrack", "conn_reuse_mode"), before);
    assert.deepEqual(await timeouts(), beforeTimeouts);
  });

  it("forward packets in both families", async () => {
    const before = await everywhere(
      "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding",
    );
    const made = await create({ settings: { ipForward: true } });
    assert.deepEqual(
      await everywhere("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding"),
      Array(2).fill("1\n1"),
    );
    await made.close();
    assert.deepEqual(
      await everywhere("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding"),
      before,
    );
  });

  it("of two clusters are shared while they agree, and go back with the last one", async () => {
    const first = await create({ settings: { sloppyTcp: true } });
    const second = await create({ settings: { sloppyTcp: true, conntrack: true } });
    await first.close();
    assert.deepEqual(await values("sloppy_tcp", "conntrack"), Array(2).fill("1 1"));
    await second.close();
    assert.deepEqual(await values("sloppy_tcp"), Array(2).fill("0"));
  });

  it("of two clusters that differ are an error that names the other one, and nothing is changed", async () => {
    const first = await create({ settings: { connReuseMode: 2 } });
    await assert.rejects(
      handler().create(
        declare({ label: "others Cluster edge", settings: { connReuseMode: 0, sloppyTcp: true } }),
      ),
      (error: Error) => {
        assert.match(error.message, /2 of 2 directors failed/);
        assert.match(
          error.message,
          /director d2: net\.ipv4\.vs\.conn_reuse_mode is wanted as 0, but tests Cluster test has set it to 2.*HEYE_SETTING_CONFLICT/,
        );
        return true;
      },
    );
    assert.deepEqual(await values("conn_reuse_mode", "sloppy_tcp"), Array(2).fill("2 0"));
    await first.close();
  });

  it("that were changed by hand are drift on that director, and up repairs them", async () => {
    const made = await create({ settings: { sloppyTcp: true }, timeouts: { tcpS: 1000 } });
    assert.equal((await made.refresh()).drift, undefined);
    assert.equal(made.isChanged(), false);
    await site.on("d2", "sh", "-c", `echo 0 >${VS}/sloppy_tcp; ipvsadm --set 900 120 300`);
    assert.deepEqual((await made.refresh()).drift, {
      d2: ["net.ipv4.vs.sloppy_tcp is 0, expected 1", "ipvs timeout tcp is 900, expected 1000"],
    });
    assert.equal(made.isChanged(), true);
    await made.repair();
    assert.deepEqual(await values("sloppy_tcp"), Array(2).fill("1"));
    assert.equal((await made.refresh()).drift, undefined);
    await made.close();
  });

  it("that somebody else has changed meanwhile are left to him", async () => {
    const made = await create({ settings: { connReuseMode: 2 } });
    await site.on("d1", "sh", "-c", `echo 0 >${VS}/conn_reuse_mode`);
    await made.destroy();
    assert.deepEqual(await values("conn_reuse_mode"), ["0", "1"]);
    await site.on("d1", "sh", "-c", `echo 1 >${VS}/conn_reuse_mode`);
  });

  it("that a kernel does not have, or does not take, change nothing anywhere", async () => {
    const missing = { settings: { sloppyTcp: true, sysctls: { "net.ipv4.vs.no_such_thing": "1" } } };
    await assert.rejects(
      handler().create(declare(missing)),
      /its kernel has no net\.ipv4\.vs\.no_such_thing.*HEYE_SETTING_MISSING/,
    );
    const refused = { settings: { sloppyTcp: true, sysctls: { "net.ipv4.ip_forward": "nonsense" } } };
    await assert.rejects(
      handler().create(declare(refused)),
      /ip_forward is \d, expected nonsense[\s\S]*it said: [\s\S]*leave these settings out.*HEYE_SETTING_NOT_APPLIED[\s\S]*Settings were put back/,
    );
    await assert.rejects(
      handler().create(declare({ settings: { modules: ["no_such_module"] } })),
      /no_such_module.*[\s\S]*HEYE_MODULE_MISSING/,
    );
    assert.deepEqual(await values("sloppy_tcp"), Array(2).fill("0"));
  });

  it("refuse to share a director with kube-proxy in IPVS mode, unless told to", async () => {
    await site.on("d2", "ip", "link", "add", "kube-ipvs0", "type", "dummy");
    try {
      await assert.rejects(
        handler().create(declare({})),
        /1 of 2 directors failed:\n {2}director d2: kube-proxy manages IPVS there too \(interface kube-ipvs0\).*HEYE_COEXISTENCE/,
      );
      await (await create({ coexist: ["kube-proxy"] })).close();
    } finally {
      await site.on("d2", "ip", "link", "del", "kube-ipvs0");
    }
  });

  // A process of that name stands for keepalived, whose families of processes have tests of their own (unit layer).
  it("refuse to share a director with keepalived, unless told to", async () => {
    const start = "cp /bin/sleep /tmp/keepalived; /tmp/keepalived 600 >/dev/null 2>&1 & echo $!";
    const pid = (await site.on("d1", "sh", "-c", start)).trim();
    try {
      await assert.rejects(
        handler().create(declare({})),
        /1 of 2 directors failed:\n {2}director d1: keepalived manages IPVS there too \(process \d+, with checkers\).*HEYE_COEXISTENCE/,
      );
      await (await create({ coexist: ["keepalived"] })).close();
    } finally {
      await site.on("d1", "kill", pid);
    }
  });

  describe("restored at boot", () => {
    const BOOT = [
      "/etc/systemd/system/heye-restore.service",
      "/var/lib/heye/restore",
      "/etc/modules-load.d/heye.conf",
    ];
    const boot = (director: string) => site.on(director, "sh", "/var/lib/heye/restore");
    const web = (id: string, port: number) => ({
      name: `web${port}`,
      cluster: { ...site.cluster, id },
      address: "192.0.2.10",
      port,
      scheduler: "mh",
      schedulerFlags: ["mh-fallback"],
      healthCheck: { type: "none" },
      realServers: [{ address: site.address("rs1"), weight: 3 }, { address: site.address("rs2") }],
    });

    it("come back in full from the director's own files, with the entries, and nothing foreign is touched", async () => {
      const made = await create({
        settings: { sloppyTcp: true, modules: ["ip_vs_mh"] },
        timeouts: { tcpS: 1000 },
        restoreAtBoot: true,
      });
      const [first, second] = [
        await site.create("VirtualServer", web(made.id, 80)),
        await site.create("VirtualServer", web(made.id, 81)),
      ];
      // Of a cluster that does not want it.
      const other = await site.create("VirtualServer", web("other-1", 82));
      const lines = (await site.table("d1")).split(/(?<=\n)/);
      const before = lines.filter((line) => !line.includes(":82 ")).join("");
      const others = lines.filter((line) => line.includes(":82 ")).join("");
      assert.match(await site.on("d1", "cat", "/etc/modules-load.d/heye.conf"), /^ip_vs_mh\n$/);

      await site.on("d1", "sh", "-c", `ipvsadm -C; ipvsadm --set 900 120 300; echo 0 >${VS}/sloppy_tcp`);
      await boot("d1");
      assert.equal(await site.table("d1"), before);
      assert.deepEqual(await values("sloppy_tcp"), Array(2).fill("1"));
      for (const text of await timeouts()) assert.match(text, /: 1000 120 300$/);

      // A stranger stands where one of them was: he stays, whatever he holds, and the other one comes back.
      await site.on(
        "d1",
        "sh",
        "-c",
        "ipvsadm -C; ipvsadm -A -t 192.0.2.10:81 -s rr; ipvsadm -A -t 192.0.2.10:99 -s rr",
      );
      await boot("d1");
      const after = await site.table("d1");
      assert.match(after, /^-A -t 192\.0\.2\.10:81 -s rr$/m);
      assert.match(after, /^-A -t 192\.0\.2\.10:99 -s rr$/m);
      assert.equal(after.match(/^-a -t 192\.0\.2\.10:80 /gm)?.length, 2);
      assert.doesNotMatch(after, /^-a -t 192\.0\.2\.10:81 /m);
      await boot("d1");
      assert.equal(await site.table("d1"), after);

      await site.on("d1", "ipvsadm", "-C");
      await boot("d1");
      await site.lab.exec("d1", ["ipvsadm", "--restore"], { stdin: others });
      for (const one of [other, second, first]) await one.close();
      await made.close();
      for (const file of BOOT) await site.on("d1", "sh", "-c", `[ ! -e ${file} ]`);
    });

    it("say what could not be restored", async () => {
      const made = await create({ restoreAtBoot: true });
      const service = await site.create("VirtualServer", web(made.id, 80));
      await site.on(
        "d1",
        "sh",
        "-c",
        "ipvsadm -C; sed -i 's/-s mh -b mh-fallback/-s nosuch/' /var/lib/heye/registry",
      );
      const { code, stderr } = await site.lab.exec("d1", ["sh", "/var/lib/heye/restore"]);
      assert.equal(code, 1);
      assert.match(stderr, /heye-restore: these entries are not restored: -A -t 192\.0\.2\.10:80 -s nosuch/);
      await site.on("d1", "sed", "-i", "s/-s nosuch/-s mh -b mh-fallback/", "/var/lib/heye/registry");
      await boot("d1");
      await service.close();
      await made.close();
    });

    it("are enabled and disabled without a running systemd; a file that is missing is drift", async () => {
      const made = await create({ restoreAtBoot: true });
      const link = "/etc/systemd/system/multi-user.target.wants/heye-restore.service";
      assert.equal((await site.on("d1", "readlink", link)).trim(), BOOT[0]);
      assert.equal((await site.on("d1", "stat", "-c", "%a %U", "/var/lib/heye/restore")).trim(), "700 root");
      await site.on("d2", "rm", link);
      const drift = (await made.refresh()).drift;
      assert.deepEqual(drift, { d2: ["heye-restore.service or one of its files is missing or altered"] });
      await made.repair();
      assert.equal((await site.on("d2", "readlink", link)).trim(), BOOT[0]);
      await made.refresh();
      await made.update({ restoreAtBoot: false });
      for (const file of [...BOOT, link])
        await site.on("d1", "sh", "-c", `[ ! -L ${file} ] && [ ! -e ${file} ]`);
      await made.close();
    });
  });

  describe("missing programs", () => {
    /** A package manager in the place of the director's: it writes down what it is told. */
    const fake = async (director: string, name: string, does: string) => {
      const script = `#!/bin/sh\necho "$0 $*" | sed s,.*/,, >>/tmp/told\ncase "$*" in *install*) ${does} ;; esac\n`;
      await site.lab.exec(
        director,
        ["sh", "-c", `cat >/usr/local/sbin/${name}; chmod 755 /usr/local/sbin/${name}`],
        {
          stdin: script,
        },
      );
    };
    const hide = (director: string) => site.on(director, "mv", "/usr/sbin/ipvsadm", "/tmp/ipvsadm");
    const RETURN = "mv /tmp/ipvsadm /usr/sbin/ipvsadm";
    afterEach(() =>
      site.on("d1", "sh", "-c", `rm -f /usr/local/sbin/* /tmp/told; [ ! -e /tmp/ipvsadm ] || ${RETURN}`),
    );

    it("are installed where they are missing, and only there", async () => {
      await fake("d1", "apt-get", RETURN);
      await (await create({ install: true })).close();
      await site.on("d1", "sh", "-c", "[ ! -e /tmp/told ]");
      await hide("d1");
      await (await create({ install: true })).close();
      assert.deepEqual((await site.on("d1", "cat", "/tmp/told")).trim().split("\n"), [
        "apt-get -q -o DPkg::Lock::Timeout=120 update",
        "apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold install ipvsadm",
      ]);
    });

    it("are not installed anywhere for a cluster that is refused", async () => {
      await fake("d1", "apt-get", RETURN);
      await hide("d1");
      await site.on("d2", "ip", "link", "add", "kube-ipvs0", "type", "dummy");
      try {
        await assert.rejects(
          handler().create(declare({ install: true })),
          /1 of 2 directors failed:\n {2}director d2: kube-proxy manages IPVS there too[\s\S]*Nothing was installed on any director/,
        );
      } finally {
        await site.on("d2", "ip", "link", "del", "kube-ipvs0");
      }
      await site.on("d1", "sh", "-c", "[ ! -e /tmp/told ]");
    });

    it("that cannot be installed are an error with the package manager's last words", async () => {
      await fake(
        "d1",
        "apt-get",
        "i=0; while [ $i -lt 30 ]; do i=$((i+1)); echo line $i; done; echo E: no such package >&2; exit 100",
      );
      await hide("d1");
      await assert.rejects(
        handler().create(declare({ install: true })),
        /director d1: apt-get ended with status 100 while it installed ipvsadm:\n\s+line 22\n[\s\S]*E: no such package\n\s+Mend what .*\[HEYE_INSTALL\]/,
      );
      await assert.rejects(
        handler().create(declare({})),
        /director d1: there is no ipvsadm on its PATH.*HEYE_NOT_CAPABLE/,
      );
    });
  });

  describe("addresses on the directors", () => {
    const held = (device: string) =>
      everywhere(
        `ip -o addr show dev ${device} 2>/dev/null | sed -n "s/.* inet6* \\([^ ]*\\).*/\\1/p" | grep -e ^192.0.2. -e ^2001:db8: | tr "\\n" " "`,
      );
    const serve = (id: string, address: string, port: number) =>
      site.create("VirtualServer", {
        name: `web${port}${address}`,
        cluster: { ...site.cluster, id },
        address,
        port,
        healthCheck: { type: "none" },
        realServers: [{ address: site.address("rs1", address.includes(":") ? "ipv6" : "ipv4") }],
      });

    for (const [placement, device] of [
      ["lo", "lo"],
      ["dummy", "heye0"],
    ] as const) {
      it(`come and go on ${device} with the virtual servers that have them`, async () => {
        const made = await create({ addresses: placement });
        const [first, second] = [
          await serve(made.id, "192.0.2.50", 80),
          await serve(made.id, "192.0.2.50", 81),
        ];
        const six = await serve(made.id, "2001:db8:100::50", 80);
        assert.deepEqual(await held(device), Array(2).fill("192.0.2.50/32 2001:db8:100::50/128"));
        await first.close();
        await six.close();
        assert.deepEqual(await held(device), Array(2).fill("192.0.2.50/32"));
        await second.close();
        assert.deepEqual(await held(device), Array(2).fill(""));
        await made.close();
        await site.on("d1", "sh", "-c", "! ip link show heye0 2>/dev/null");
      });
    }

    it("that were there before stay when we go, whoever else comes and goes", async () => {
      await site.on("d1", "ip", "addr", "add", "192.0.2.51/32", "dev", "lo");
      const [made, other] = [
        await create({ addresses: "lo" }),
        await create({ addresses: "dummy", name: "other" }),
      ];
      const first = await serve(made.id, "192.0.2.51", 80);
      const second = await serve(other.id, "192.0.2.51", 81);
      assert.deepEqual(await held("lo"), Array(2).fill("192.0.2.51/32"));
      await first.close();
      await second.close();
      assert.deepEqual(await held("lo"), ["192.0.2.51/32", ""]);
      await site.on("d1", "ip", "addr", "del", "192.0.2.51/32", "dev", "lo");
      await other.close();
      await made.close();
    });

    it("that are lost are drift, repaired by up, and restored at boot", async () => {
      const made = await create({ addresses: "lo", restoreAtBoot: true });
      const service = await serve(made.id, "192.0.2.52", 80);
      await site.on("d2", "ip", "addr", "del", "192.0.2.52/32", "dev", "lo");
      assert.deepEqual((await made.refresh()).drift, { d2: ["address 192.0.2.52 is missing on lo"] });
      await made.repair();
      assert.deepEqual(await held("lo"), Array(2).fill("192.0.2.52/32"));
      await site.on(
        "d2",
        "sh",
        "-c",
        "ipvsadm -C; ip addr del 192.0.2.52/32 dev lo; sh /var/lib/heye/restore",
      );
      assert.deepEqual(await held("lo"), Array(2).fill("192.0.2.52/32"));
      await made.update({ addresses: "none" });
      assert.deepEqual(await held("lo"), Array(2).fill(""));
      await service.close();
      await made.close();
    });
  });
});
