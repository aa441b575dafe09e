import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { proberArgv } from "../../agent/own-prober";
import { installAgent } from "../../director";
import { SANDBOX } from "../../director/sandbox";
import { handlerFor } from "../../provider";
import { agentConfig, agentProgram } from "../../provider/agents";
import type { Properties, ResourceHandler } from "../../provider/handler";
import { Site } from "./site";
import { WitnessedLoad } from "./witnessed-load";

const UNIT = "heye-agent.service";
const COMMAND = "/var/lib/heye/agent/heye-agent";
const HTTP = {
  type: "http",
  path: "/health",
  ...{ intervalMs: 200, timeoutMs: 4_000, rise: 2, fall: 3, deadlineMs: 15_000 },
};
const WEB = "192.0.2.10:80";
const URL = `http://${WEB}/`;
/** A boot takes ten seconds, and several times that while other labs start: to wait long costs nothing. */
const PATIENCE_MS = 90_000;
/** Of no package yet. */
const NEWER = "99.0.0+newer";
/** CAP_NET_ADMIN, CAP_NET_RAW, CAP_SYS_MODULE. */
const CAPABILITIES = "0000000000013000";

describe("an agent that systemd runs", () => {
  let site: Site;
  let clusters: ResourceHandler;
  let services: ResourceHandler;
  let cluster: { id: string; state: Properties };
  let web: { id: string; state: Properties };

  before(async () => {
    site = await Site.up({ directors: 1, servers: 3, database: false, init: "systemd" });
    clusters = handlerFor("Cluster", site.fleet);
    services = handlerFor("VirtualServer", site.fleet);
  });
  after(() => site?.down());
  afterEach(async function () {
    if (this.currentTest?.isFailed())
      console.error((await site.lab.exec("d1", ["journalctl", "-b", "-o", "cat", "-n", "60"])).stdout);
  });

  const sh = (script: string) => site.on("d1", "sh", "-c", script);
  const declared = (): Properties => {
    const { inputs, problems } = clusters.check({
      ...{ name: "test", label: "tests Cluster test", mode: "agent", restoreAtBoot: true },
      directors: [...site.cluster.directors],
      settings: { ipForward: true, conntrack: true },
    });
    assert.deepEqual(problems, []);
    return inputs;
  };
  const property = async (name: string) =>
    (await site.on("d1", "systemctl", "show", "--value", "-p", name, UNIT)).trim();
  const state = async () => (await site.lab.exec("d1", ["systemctl", "is-active", UNIT])).stdout.trim();
  const rule = (name: string, weight = 2) =>
    `-a -t 192.0.2.10:80 -r ${site.address(name)}:80 -m -w ${weight}`;
  const expectTable = (...servers: string[]) => expectRules(...servers.map((name) => rule(name)));
  const expectRules = async (...rules: string[]) => {
    const wanted = ["-A -t 192.0.2.10:80 -s wrr", ...rules].sort().join("\n");
    await eventually(async () =>
      assert.equal((await site.table("d1")).trim().split("\n").sort().join("\n"), wanted),
    );
  };
  const eventually = async (holds: () => Promise<void>) => {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await holds();
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await delay(500);
      }
    }
  };
  /** Waits until the unit is active with another process: that is when its agent answers. */
  const runsAgain = (before: string) =>
    eventually(async () => {
      const shown = await site.on("d1", "systemctl", "show", "--value", "-p", "MainPID,ActiveState", UNIT);
      const [pid, active] = shown.trim().split("\n");
      assert.ok(pid !== before && active === "active", shown);
    });
  /** Does something while clients ask, and proves that nobody noticed and that every entry stayed. */
  const unnoticed = async (act: () => Promise<unknown>) => {
    const table = await site.table("d1");
    const load = await WitnessedLoad.begin(site, WEB);
    await act();
    await load.expectUnnoticed();
    assert.equal(await site.table("d1"), table);
    const said = `journalctl -o cat _SYSTEMD_INVOCATION_ID=${await property("InvocationID")}`;
    await eventually(async () => assert.match(await sh(said), /"event":"start"/));
    // Who is dead was known: nobody was let in until that was found out anew.
    assert.doesNotMatch(await sh(said), /"event":"(down|settle|repair|change)"/);
  };
  const director = () => {
    const [one] = site.fleet.of(site.cluster);
    assert.ok(one);
    return one;
  };
  const told = () => agentConfig(cluster.id, {}, "d1");

  it("is on a director whose PID 1 is systemd, which sees no file system of the machine's to write to", async () => {
    assert.equal(await site.on("d1", "cat", "/proc/1/comm"), "systemd\n");
    const kinds = new Set<string>();
    for (const line of (await site.on("d1", "cat", "/run/lab-mounts", "/proc/1/mountinfo"))
      .trim()
      .split("\n")) {
      const [place, source = ""] = line.split(" - ");
      const kind = source.split(" ")[0] ?? "";
      kinds.add(kind);
      if (kind === "overlay") assert.match(place?.split(" ")[5] ?? "", /^ro(,|$)/, line);
    }
    assert.deepEqual(
      [...kinds].filter((kind) => !["tmpfs", "proc", "sysfs", "devpts", "cgroup2", "overlay"].includes(kind)),
      [],
    );
  });

  it("is installed by the Cluster as a unit that runs and is enabled, with a Node that its unit may read", async () => {
    // As version managers do it. The unit sees nothing of /root.
    const own = "cp /usr/local/bin/node /root/node && mount -t tmpfs tmpfs /usr/local/bin";
    await sh(`${own} && ln -s /root/node /usr/local/bin/node`);
    const { id, outputs } = await clusters.create(declared());
    cluster = { id, state: outputs };
    assert.match(await site.on("d1", "cat", COMMAND), /exec \/var\/lib\/heye\/agent\/node /);
    await sh("umount /usr/local/bin && rm /root/node");
    assert.equal(await state(), "active");
    assert.equal((await site.on("d1", "systemctl", "is-enabled", UNIT)).trim(), "enabled");
    assert.equal(await property("NeedDaemonReload"), "no");
    assert.equal((await site.on("d1", COMMAND, "version")).trim(), agentProgram().version);
    const pid = await property("MainPID");
    const update = await clusters.update(id, outputs, declared());
    cluster = { id, state: update };
    assert.equal(await property("MainPID"), pid, "nothing was to be done");
    assert.match(await sh(`journalctl -u ${UNIT} -o cat`), /"event":"start"/);
  });

  it("is a unit that systemd has nothing to say about", async () => {
    const { code, stdout, stderr } = await site.lab.exec("d1", [
      ...["systemd-analyze", "verify", "--man=no", `/etc/systemd/system/${UNIT}`],
    ]);
    assert.deepEqual([code, stdout, stderr], [0, "", ""]);
    // In tenths; docs/decisions/0029 says what is left of it.
    await site.on("d1", "systemd-analyze", "security", "--no-pager", "--threshold=44", UNIT);
  });

  it("has the rights that its unit names, and no others", async () => {
    const pid = await property("MainPID");
    const status = await site.on("d1", "cat", `/proc/${pid}/status`);
    const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)$`, "m").exec(status)?.[1];
    for (const set of ["CapPrm", "CapEff", "CapBnd"]) assert.equal(field(set), CAPABILITIES, set);
    assert.deepEqual([field("NoNewPrivs"), field("Seccomp")], ["1", "2"]);
    const inside = (script: string) =>
      site.lab.exec("d1", ["nsenter", "-t", pid, "-m", "--", "sh", "-c", script]);
    for (const place of ["/etc", "/var/lib", "/run", "/var/log", "/root", "/sys/fs/cgroup"])
      assert.notEqual((await inside(`: >${place}/written`)).code, 0, place);
    for (const place of ["/var/lib/heye", "/run/heye", "/tmp"])
      assert.deepEqual((await inside(`: >${place}/written && rm ${place}/written`)).code, 0, place);
    await sh(": >/tmp/of-the-host");
    assert.notEqual((await inside("cat /tmp/of-the-host")).code, 0);
  });

  it("could not do what its unit forbids, if it tried", async () => {
    const tried = [
      ["a unit for systemd", "echo >/run/systemd/system/written.service"],
      ["a network namespace", "unshare -n true"],
      ["a user namespace", "unshare -U true"],
      ["a mount", "mount -t tmpfs tmpfs /tmp"],
      ["another host name", "hostname other"],
      ["another time", "date -s @0"],
      ["a device", "mknod /tmp/device c 1 1"],
      ["the kernel's log", "dmesg"],
      ["a setuid program", "cp /bin/true /tmp/t && chmod u+s /tmp/t"],
      ["somebody else's file", "mkdir /tmp/d && chown 1 /tmp/d && chmod 0 /tmp/d && : >/tmp/d/f"],
    ] as const;
    const lines = tried.map(([what, command]) => `(${command}) >/dev/null 2>&1 && echo "${what}"`);
    const unit = [
      "[Service]",
      "Type=oneshot",
      SANDBOX,
      "StandardOutput=file:/run/heye/could",
      "ExecStart=/bin/sh /run/heye/try",
    ];
    await site.lab.exec("d1", ["sh", "-c", "cat >/run/heye/try"], {
      stdin: `${lines.join("\n")}\necho tried\n`,
    });
    const place = "/run/systemd/system/lab-sandbox.service";
    await site.lab.exec("d1", ["sh", "-c", `cat >${place}`], { stdin: `${unit.join("\n")}\n` });
    await sh("systemctl daemon-reload && systemctl start lab-sandbox");
    assert.equal(await sh("cat /run/heye/could"), "tried\n");
    await sh(`rm ${place} /run/heye/could /run/heye/try; systemctl daemon-reload`);
  });

  it("has a check by way of the virtual address run with two rights, and nothing to write to but its places", async () => {
    const words = proberArgv({ status: `CapEff:\t${CAPABILITIES}\n`, hasSystemd: true }).slice(0, -1);
    const tried = [
      ...["unshare -n true", ": >/run/heye/x && rm /run/heye/x", "unshare -n ip link add type dummy"],
      ...["mount -t tmpfs tmpfs /tmp", "unshare -m true", "unshare -U true", "mknod /tmp/device c 1 1"],
      ...[": >/etc/x", ": >/run/x", ": >/run/systemd/system/x", ": >/var/lib/heye/x", ": >/root/x"],
      ...["chown 1 /tmp", "dmesg", "hostname other", "chroot / true"],
    ];
    const script = tried.map((one) => `(${one}) >/dev/null 2>&1 && echo "${one}"`).join("; ");
    const said = await site.on("d1", ...words, `${script}; grep -e ^CapEff -e ^NoNewPrivs /proc/self/status`);
    assert.deepEqual(said.trim().split("\n"), [
      ...tried.slice(0, 3),
      "CapEff:\t0000000000201000",
      "NoNewPrivs:\t1",
    ]);
  });

  it("fills the table, and carries traffic", async () => {
    const pool = ["rs1", "rs2"].map((name) => ({ address: site.address(name), weight: 2 }));
    const inputs = site.inputs("VirtualServer", {
      ...{ name: "web", address: "192.0.2.10", port: 80, scheduler: "wrr", healthCheck: HTTP },
      cluster: { ...site.cluster, id: cluster.id, mode: "agent" },
      realServers: pool,
    });
    const { id, outputs } = await services.create(inputs);
    web = { id, state: outputs };
    await expectTable("rs1", "rs2");
    assert.deepEqual((await site.lab.traffic({ url: URL, requests: 20 })).errors, {});
  });

  it("is started again when it is killed, and finds nothing to do", async () => {
    await unnoticed(async () => {
      const pid = await property("MainPID");
      await site.on("d1", "kill", "-KILL", pid);
      await runsAgain(pid);
      assert.equal(await property("NRestarts"), "1");
      assert.notEqual(await property("MainPID"), pid);
    });
    assert.match(await site.on("d1", COMMAND, "status"), / 0 repairs/);
  });

  it("is upgraded without an entry being touched, a dead server's neither", async () => {
    await site.lab.fault.setHealth("rs2", 503);
    await expectRules(rule("rs1"), rule("rs2", 0));
    const newer = { version: NEWER, text: agentProgram().text.replaceAll(agentProgram().version, NEWER) };
    await unnoticed(async () => {
      assert.equal(await installAgent(director(), newer, told()), "installed");
    });
    assert.match(await site.on("d1", COMMAND, "status"), /^d1: agent 99\.0\.0\+newer, .* 0 repairs/);
    assert.equal(await state(), "active");
  });

  it("is the one that it was where another does not start, without an entry being touched", async function () {
    // One that ends is started four times before it is given up.
    this.timeout(300_000);
    const files = "cd /var/lib/heye/agent && ls -A . && sha256sum heye-agent.js";
    const before = await sh(files);
    await unnoticed(async () => {
      const broken = { version: "99.0.1+broken", text: 'throw new Error("no such luck");\n' };
      await assert.rejects(
        installAgent(director(), broken, told()),
        /director d1: .*it does not answer: .*no such luck/s,
      );
    });
    assert.match(await site.on("d1", COMMAND, "status"), /^d1: agent 99\.0\.0\+newer, .* 0 repairs/);
    assert.deepEqual([await state(), await sh(files)], ["active", before]);
  });

  it("is the older one of the package again by the Cluster, without an entry being touched", async () => {
    await unnoticed(async () => {
      cluster = { ...cluster, state: await clusters.update(cluster.id, cluster.state, declared()) };
    });
    const { version } = agentProgram();
    const status = await site.on("d1", COMMAND, "status");
    assert.ok(status.startsWith(`d1: agent ${version}, `) && status.includes(" 0 repairs"), status);
    assert.equal(cluster.state.agent, version);
    assert.equal(await state(), "active");
    await site.lab.fault.setHealth("rs2", 200);
    await expectTable("rs1", "rs2");
  });

  it("leaves forwarding as it is when it is stopped", async () => {
    await unnoticed(async () => {
      await site.on("d1", "systemctl", "stop", UNIT);
      assert.equal(await state(), "inactive");
      assert.deepEqual((await site.lab.traffic({ url: URL, requests: 20 })).errors, {});
      await expectTable("rs1", "rs2");
      // A unit of this kind is started only when the agent answers.
      await site.on("d1", "systemctl", "start", UNIT);
    });
  });

  it("has systemd check servers by way of the virtual address, and lets none in that lacks it", async () => {
    const address = "192.0.2.30";
    const place = `/v1/virtual-servers/tcp-${address}-80`;
    const one = (name: string) => ({ address: site.address(name), forwarding: "dr" });
    const ask = async (method: string, path: string, body: object) => {
      const argv = [COMMAND, "api", method, path, "--data", "-"];
      const { stdout } = await site.lab.exec("d1", argv, { stdin: JSON.stringify(body) });
      return JSON.parse(stdout);
    };
    const wanted = {
      ...{ address, port: 80, scheduler: "rr", realServers: [one("rs1")] },
      healthCheck: { ...HTTP, timeoutMs: 2_000, deadlineMs: 8_000 },
    };
    await sh("systemctl stop dbus.socket dbus.service");
    const without = await ask("POST", "/v1/virtual-servers", wanted);
    assert.equal(without.code, "HEYE_GATE");
    assert.match(without.detail, /cannot check through the forwarding path: .*bus/);
    await sh("systemctl start dbus.socket");
    const made = await ask("POST", "/v1/virtual-servers", wanted);
    assert.equal(made.code, undefined, JSON.stringify(made));
    const prefix = ["local", "192.0.2.0/24", "dev", "lo"];
    await site.on("rs3", "ip", "route", "del", ...prefix);
    try {
      const refused = await ask("POST", `${place}/real-servers`, one("rs3"));
      assert.equal(refused.code, "HEYE_GATE");
      assert.match(refused.detail, /on 192\.0\.2\.30:80 by dr: no answer/);
    } finally {
      await site.on("rs3", "ip", "route", "add", ...prefix);
    }
    const taken = await ask("POST", `${place}/real-servers`, one("rs3"));
    assert.equal(taken.code, undefined, JSON.stringify(taken));
    const left =
      "ip -o link | grep heye-probe; tc qdisc show | grep clsact; ls /run/heye/probe | grep -v lock; :";
    assert.equal(await sh(left), "");
    assert.equal(await sh("systemctl list-units --all --plain --no-legend 'run-*.service'"), "");
    await site.lab.exec("d1", [COMMAND, "api", "DELETE", `${place}?drain-ms=0`]);
    await expectTable("rs1", "rs2");
  });

  it("is there again after a reboot, and so is the table, with the dead as dead though all were restored", async () => {
    await site.lab.fault.setHealth("rs2", 503);
    const withoutRs2 = [rule("rs1"), rule("rs2", 0)];
    await expectRules(...withoutRs2);
    await site.fleet.close();
    await site.lab.fault.rebootDirector("d1");
    await expectRules(...withoutRs2);
    await runsAgain("0");
    // Nobody had to find out anew.
    assert.doesNotMatch(await sh(`journalctl -b -o cat -u ${UNIT}`), /"event":"down"/);
    await site.lab.fault.setHealth("rs2", 200);
    await expectTable("rs1", "rs2");
    assert.deepEqual((await site.lab.traffic({ url: URL, requests: 20 })).errors, {});
    assert.equal(await sh("systemctl --failed --plain --no-legend"), "");
  });

  it("is removed, and its unit with it", async () => {
    await services.delete(web.id, web.state);
    await clusters.delete(cluster.id, cluster.state);
    await site.expectEmpty();
    assert.equal(await sh("systemctl list-units --all --plain --no-legend 'heye*'"), "");
    assert.equal(await sh("systemctl list-unit-files --no-legend 'heye*' || :"), "");
    const left = "find /etc/systemd /run/systemd /run/heye -name '*heye-*' -o -name 'agent*'";
    assert.equal(await sh(left), "");
    assert.equal(await sh("pgrep -f '[h]eye-agent.js run' || :"), "");
  });
});
