import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Client } from "ssh2";
import { type ActiveFault, type DirectorEntry, Lab, LabInputError } from "../../lab";
import { balance, login, output, remote } from "./lab-tools";

const VIRTUAL = "192.0.2.10";
const URL_80 = `http://${VIRTUAL}/`;
/** What the emulated delays are compared with: far above what a round trip takes by itself. */
const DELAY_MS = 300;

/** The devices of a node and of the switch on which packets are delayed or dropped. */
async function impaired(lab: Lab, node: string): Promise<string[]> {
  const lines = await Promise.all([node, "switch"].map((place) => output(lab, place, "tc", "qdisc", "show")));
  return lines.join("\n").match(/(?<=^qdisc netem \S+ dev )[^@ ]+/gm) ?? [];
}

/** Opens a connection to a director's SSH port and returns it with the first data that comes, if any comes in time. */
async function knock(director: DirectorEntry, waitMs: number): Promise<{ socket: Socket; heard: string }> {
  const socket = connect(director.port, director.host);
  await once(socket, "connect");
  const heard = await Promise.race([
    once(socket, "data").then(([data]) => String(data)),
    once(socket, "close").then(() => "closed"),
    new Promise<string>((resolve) => setTimeout(() => resolve("nothing"), waitMs)),
  ]);
  return { socket, heard };
}

/** Milliseconds that something takes. */
async function duration(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}

describe("lab: faults of networks, SSH and whole directors", () => {
  let lab: Lab;
  const director = (name: string): DirectorEntry =>
    lab.inventory.directors.find((entry) => entry.name === name) ?? assert.fail(`no ${name}`);
  const active = async (): Promise<readonly ActiveFault[]> => (await lab.status()).faults;

  before(async () => {
    lab = await Lab.up({ directors: 2, servers: 2, database: false });
  });
  after(() => lab.down());
  afterEach("a failed case must not fail the next", () => lab.fault.mendAll());

  describe("of a network", () => {
    before(() => balance(lab, "tcp", VIRTUAL, 80, "nat"));
    const errors = async () => (await lab.traffic({ url: URL_80, requests: 20 })).errors;

    it("delays what goes over management, and nothing else", async () => {
      const session = await login(director("d1"));
      await lab.fault.impairNetwork("d1", { network: "management", delayMs: DELAY_MS });
      // Twice: there and back.
      assert.ok((await duration(() => remote(session, "true"))) >= 2 * DELAY_MS);
      assert.deepEqual(await impaired(lab, "d1"), ["ethm", "m-d1"]);
      await lab.fault.restoreNetwork("d1", "management");
      assert.deepEqual(await impaired(lab, "d1"), []);
      session.end();
    });

    it("delays what goes to a server or comes from the client, as asked", async () => {
      for (const [node, network] of [
        ["rs1", "back"],
        ["client", "client"],
      ] as const) {
        await lab.fault.impairNetwork(node, { network, delayMs: DELAY_MS, jitterMs: 10 });
        const slow = await lab.traffic({ url: URL_80, requests: 4, connectTimeoutMs: 10_000 });
        assert.deepEqual(slow.errors, {}, node);
        assert.ok(slow.latencyMs.max >= 2 * (DELAY_MS - 10), `${node}: ${slow.latencyMs.max}`);
        await lab.fault.restoreNetwork(node);
        assert.deepEqual(await impaired(lab, node), []);
      }
    });

    it("drops packets, of one link alone", async () => {
      await lab.fault.impairNetwork("d2", { network: "front", lossPercent: 100 });
      const lossy = await lab.traffic({ url: URL_80, requests: 20 });
      assert.deepEqual(Object.keys(lossy.errors), ["no connection in time"]);
      assert.ok(lossy.failed < lossy.requests, "d1 goes on");
      await lab.fault.restoreNetwork("d2");
      assert.deepEqual(await errors(), {});
    });

    it("drops packets at the rate that was asked for", async () => {
      const datagrams = 400;
      const send = `for i in $(seq ${datagrams}); do echo $i >/dev/udp/10.20.1.2/9; done`;
      await lab.fault.impairNetwork("d2", { network: "back", lossPercent: 25 });
      await output(lab, "d2", "bash", "-c", send);
      const shown = await output(lab, "d2", "tc", "-s", "qdisc", "show", "dev", "ethb");
      const [, sent = "", dropped = ""] = /Sent \d+ bytes (\d+) pkt \(dropped (\d+),/.exec(shown) ?? [];
      assert.ok(Number(sent) + Number(dropped) >= datagrams, shown);
      // 25 of a hundred, give or take seven standard deviations.
      const rate = Number(dropped) / (Number(sent) + Number(dropped));
      assert.ok(rate > 0.1 && rate < 0.4, shown);
      // Another rate takes the place of the first.
      await lab.fault.impairNetwork("d2", { network: "back", lossPercent: 1 });
      assert.match(await output(lab, "d2", "tc", "qdisc", "show", "dev", "ethb"), /netem .* loss 1%$/);
    });

    it("refuses what cannot be, and says what can", async () => {
      await assert.rejects(
        lab.fault.impairNetwork("d1", { network: "back", lossPercent: 101 }),
        LabInputError,
      );
      await assert.rejects(
        lab.fault.impairNetwork("rs1", { network: "management", delayMs: 1 }),
        /rs1 is not on the network management; rs1 is on: back/,
      );
      assert.deepEqual(await active(), []);
    });
  });

  describe("of SSH", () => {
    it("accepts a connection and never says a word; open sessions go on", async () => {
      const session = await login(director("d1"));
      await lab.fault.hangSsh("d1");
      const { socket, heard } = await knock(director("d1"), 500);
      assert.equal(heard, "nothing");
      assert.equal(await remote(session, "hostname"), "d1");
      assert.deepEqual(await active(), [{ kind: "hang-ssh", node: "d1", stage: "banner" }]);
      await lab.fault.restoreSsh("d1");
      (await login(director("d1"))).end();
      socket.destroy();
      session.end();
    });

    it("lets one log in and then hangs", async () => {
      await lab.fault.hangSsh("d1", { stage: "command" });
      const session = await login(director("d1"));
      const answer = await Promise.race([
        remote(session, "hostname"),
        new Promise<string>((resolve) => setTimeout(() => resolve("nothing"), 500)),
      ]);
      assert.equal(answer, "nothing");
      session.destroy();
      await lab.fault.restoreSsh("d1");
      const well = await login(director("d1"));
      assert.equal(await remote(well, "hostname"), "d1");
      well.end();
    });

    it("goes from one way of being broken to another, and is mended from each", async () => {
      await lab.fault.stopService("d1", "sshd");
      await lab.fault.hangSsh("d1", { stage: "command" });
      await lab.fault.hangSsh("d1");
      await lab.fault.stopService("d1", "sshd");
      assert.deepEqual(await active(), [{ kind: "stop-service", node: "d1", service: "sshd" }]);
      await assert.rejects(login(director("d1")));
      await lab.fault.hangSsh("d1");
      await lab.fault.startService("d1", "sshd");
      assert.deepEqual(await active(), []);
      (await login(director("d1"))).end();
    });
  });

  describe("of a whole director", () => {
    it("a reboot takes tables, processes, sysctls and memory, and leaves the disk and the host key", async () => {
      const name = "d1";
      const sysctl = "/proc/sys/net/ipv4/vs/expire_nodest_conn";
      await output(lab, name, "sh", "-c", "ipvsadm -C; ipvsadm -A -t 192.0.2.50:80 -s mh");
      await output(lab, name, "sh", "-c", `echo 1 >${sysctl}; ip addr add 192.0.2.50/32 dev lo`);
      for (const folder of ["/etc", "/var/lib", "/root", "/run", "/tmp"])
        await output(lab, name, "sh", "-c", `echo kept >${folder}/lab-test-file`);
      await output(lab, name, "sh", "-c", "sleep 10000 >/dev/null 2>&1 &");
      const session: Client = await login(director(name));
      // A fresh kernel resets it as soon as it hears from it, which is an error here.
      session.on("error", () => {});
      const lost = new Promise<void>((resolve) => session.on("close", () => resolve()));

      await lab.fault.rebootDirector(name);

      session.end();
      await lost;
      assert.equal(await output(lab, name, "ipvsadm", "-Sn"), "");
      assert.equal(await output(lab, name, "cat", sysctl), "0");
      assert.equal(await output(lab, name, "ip", "-o", "addr", "show", "to", "192.0.2.50"), "");
      for (const folder of ["/etc", "/var/lib", "/root"])
        assert.equal(await output(lab, name, "cat", `${folder}/lab-test-file`), "kept", folder);
      for (const folder of ["/run", "/tmp"])
        assert.equal((await lab.exec(name, ["test", "-e", `${folder}/lab-test-file`])).code, 1, folder);
      const commands = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '";
      assert.doesNotMatch(await output(lab, name, "sh", "-c", commands), /sleep 10000 /);
      // The login compares the host key with that of the inventory.
      const again = await login(director(name));
      assert.equal(await remote(again, "hostname"), name);
      again.end();
    });

    it("a rebooted director forwards again at once, as soon as it has a table", async () => {
      await balance(lab, "tcp", VIRTUAL, 80, "dr");
      assert.deepEqual((await lab.traffic({ url: URL_80, requests: 20 })).errors, {});
      await lab.fault.rebootDirector("d2");
      assert.deepEqual((await lab.status()).announced, ["d1", "d2"]);
      await balance(lab, "tcp", VIRTUAL, 80, "dr");
      assert.deepEqual((await lab.traffic({ url: URL_80, requests: 20 })).errors, {});
    });

    it("is not announced when that is asked for, until restoreDirector", async () => {
      await lab.fault.rebootDirector("d2", { announce: false });
      assert.deepEqual((await lab.status()).announced, ["d1"]);
      assert.deepEqual(await active(), [{ kind: "reboot-director", node: "d2" }]);
      await lab.fault.restoreDirector("d2");
      assert.deepEqual((await lab.status()).announced, ["d1", "d2"]);
      assert.deepEqual(await active(), []);
    });

    it("a reboot mends what a reboot mends, and a bad network stays bad", async () => {
      await lab.fault.impairNetwork("d1", { network: "management", delayMs: DELAY_MS });
      await lab.fault.killDirector("d1");
      await lab.fault.hangSsh("d1");
      await lab.fault.rebootDirector("d1");
      assert.deepEqual(
        (await active()).map((fault) => fault.kind),
        ["impair-network"],
      );
      const session = await login(director("d1"));
      assert.ok((await duration(() => remote(session, "true"))) >= 2 * DELAY_MS);
      session.end();
    });

    it("runs the enabled units of ours before sshd listens, and no others", async () => {
      const wants = "/etc/systemd/system/multi-user.target.wants";
      const write = async (unit: string, ...lines: string[]): Promise<void> => {
        const argv = ["sh", "-c", `mkdir -p ${wants} && cat >/etc/systemd/system/${unit}`];
        const { code } = await lab.exec("d1", argv, { stdin: `${["[Service]", ...lines].join("\n")}\n` });
        assert.equal(code, 0);
      };
      const enable = (unit: string): Promise<string> =>
        output(lab, "d1", "ln", "-s", `../${unit}`, `${wants}/${unit}`);
      await write(
        "heye-one.service",
        "Type=oneshot",
        "ExecStart=/usr/sbin/ipvsadm -A -t 192.0.2.60:80 -s rr",
      );
      await write(
        "heye-two.service",
        "ExecStart=-/bin/false",
        "ExecStart=/bin/sh -c 'echo two >/run/lab-two'",
      );
      await write("heye-three.service", "ExecStart=/bin/false", "ExecStart=/usr/bin/touch /run/lab-three");
      await write("heye-disabled.service", "ExecStart=/usr/bin/touch /run/lab-disabled");
      await write("other.service", "ExecStart=/usr/bin/touch /run/lab-other");
      for (const unit of ["heye-one.service", "heye-two.service", "heye-three.service", "other.service"])
        await enable(unit);

      await lab.fault.rebootDirector("d1");

      assert.equal(await output(lab, "d1", "ipvsadm", "-Sn"), "-A -t 192.0.2.60:80 -s rr");
      assert.equal(await output(lab, "d1", "sh", "-c", "ls -d /run/lab-*"), "/run/lab-two");
      assert.equal(
        await output(lab, "d1", "cat", "/run/boot.log"),
        "heye-one.service: status 0\nheye-three.service: status 1\nheye-two.service: status 0",
      );
    });
  });

  it("are listed while they are on, and mended all at once", async () => {
    await balance(lab, "tcp", VIRTUAL, 80, "nat");
    await lab.fault.killDirector("d2");
    await lab.fault.killServer("rs1");
    await lab.fault.stopService("rs2", "http");
    await lab.fault.setHealth("rs1", 503);
    await lab.fault.hangSsh("d1");
    await lab.fault.impairNetwork("d1", { network: "back", delayMs: 5, lossPercent: 1 });
    assert.deepEqual(await active(), [
      { kind: "kill-director", node: "d2", withdrawn: true },
      { kind: "kill-server", node: "rs1" },
      { kind: "stop-service", node: "rs2", service: "http" },
      { kind: "set-health", node: "rs1", status: 503 },
      { kind: "hang-ssh", node: "d1", stage: "banner" },
      { kind: "impair-network", node: "d1", network: "back", delayMs: 5, jitterMs: 0, lossPercent: 1 },
    ]);
    await lab.fault.mendAll();
    assert.deepEqual(await active(), []);
    assert.deepEqual((await lab.traffic({ url: URL_80, requests: 20 })).errors, {});
    assert.deepEqual((await lab.traffic({ url: `${URL_80}health`, requests: 4 })).errors, {});
    (await login(director("d1"))).end();
  });
});
