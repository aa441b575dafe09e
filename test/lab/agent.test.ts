import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Status } from "../../agent";
import { removeAgent } from "../../director";
import { handlerFor } from "../../provider";
import { agentProgram } from "../../provider/agents";
import type { ClusterHandle } from "../../provider/fleet";
import type { Properties, ResourceHandler } from "../../provider/handler";
import { emptyDisk, fillDisk } from "./full-disk";
import { HeldConnections } from "./held-connections";
import { Site } from "./site";
import { WitnessedLoad } from "./witnessed-load";

/** Patient with servers that are slow, as all are while other labs start: a check that waits long costs nothing here. */
const PATIENT = { intervalMs: 200, timeoutMs: 4_000, rise: 2, fall: 3, deadlineMs: 15_000 };
const HTTP = { type: "http", path: "/health", ...PATIENT };
const TCP = { type: "tcp", ...PATIENT };
const COMMAND = "/var/lib/heye/agent/heye-agent";
const WEB = "192.0.2.10:80";
const URL = `http://${WEB}/`;
const ECHO = { address: "192.0.2.10", port: 7_000 } as const;
/** An agent needs 8 s to start in a lab, and longer beside other labs. */
const PATIENCE_MS = 60_000;

const AGENT_PIDS = "grep -lsa '[h]eye-agent.js.run' /proc/[0-9]*/cmdline | sed 's|/proc/||; s|/cmdline||'";

describe("directors with agents", () => {
  let site: Site;
  let clusters: ResourceHandler;
  let services: ResourceHandler;
  let cluster: { id: string; state: Properties };
  let web: { id: string; state: Properties; inputs: Properties };
  let handle: ClusterHandle;

  before(async () => {
    site = await Site.up({ directors: 3, servers: 4, database: false });
    clusters = handlerFor("Cluster", site.fleet);
    services = handlerFor("VirtualServer", site.fleet);
  });
  after(() => site?.down());

  const declared = (mode: "ssh" | "agent"): Properties => {
    const settings = { ipForward: true, conntrack: true };
    const given = {
      name: "test",
      label: "tests Cluster test",
      directors: [...site.cluster.directors],
      mode,
      settings,
    };
    const { inputs, problems } = clusters.check(given);
    assert.deepEqual(problems, []);
    return inputs;
  };
  const handleOf = (mode: "ssh" | "agent", policy: Pick<ClusterHandle, "driftPolicy"> = {}) => {
    handle = { ...site.cluster, id: cluster.id, ...policy, ...(mode === "agent" && { mode }) };
    return handle;
  };
  const webInputs = (
    mode: "ssh" | "agent",
    pool: readonly object[],
    { driftPolicy, ...more }: Properties & Pick<ClusterHandle, "driftPolicy"> = {},
  ): Properties =>
    site.inputs("VirtualServer", {
      ...{ name: "web", address: "192.0.2.10", port: 80, scheduler: "wrr", healthCheck: HTTP },
      cluster: handleOf(mode, driftPolicy && { driftPolicy }),
      realServers: pool,
      ...more,
    });
  /** Lines are asked and answered on it for as long as a client likes. */
  const echoInputs = (mode: "ssh" | "agent"): Properties =>
    site.inputs("VirtualServer", {
      ...{ name: "echo", ...ECHO, scheduler: "rr", healthCheck: TCP },
      ...{ cluster: handleOf(mode), realServers: pool("rs1", "rs2", "rs3") },
    });
  const pool = (...names: string[]) => names.map((name) => ({ address: site.address(name), weight: 2 }));
  const apply = async (inputs: Properties) => {
    web = { ...web, state: await services.update(web.id, web.state, inputs), inputs };
  };
  const turnTo = async (mode: "ssh" | "agent") => {
    cluster = { ...cluster, state: await clusters.update(cluster.id, cluster.state, declared(mode)) };
    await apply(webInputs(mode, pool("rs1", "rs2", "rs3")));
  };
  const rule = (server: string, weight: number) =>
    `-a -t 192.0.2.10:80 -r ${site.address(server)}:80 -m -w ${weight}`;
  const isOfWeb = (line: string) => line.includes(` -t ${WEB} `);
  /** Waits until a director's table has these lines and no others of this service. */
  const expectRules = async (director: string, ...rules: string[]) => {
    const wanted = ["-A -t 192.0.2.10:80 -s wrr", ...rules].sort().join("\n");
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const lines = (await site.table(director)).trim().split("\n");
      const found = lines.filter(isOfWeb).sort().join("\n");
      if (found === wanted) return;
      assert.ok(Date.now() < deadline, `${director} has\n${found}\ninstead of\n${wanted}`);
      await delay(200);
    }
  };
  const everywhere = (...rules: string[]) =>
    Promise.all(site.directorNames.map((director) => expectRules(director, ...rules)));
  const all = () => [rule("rs1", 2), rule("rs2", 2), rule("rs3", 2)];
  /** The lowest number: a child that is about to become another program looks the same. */
  const agentPid = async (director: string) =>
    (await site.on(director, "sh", "-c", `${AGENT_PIDS} | sort -n | head -n 1`)).trim();

  /** Waits until a director's agent answers. */
  const answers = async (director: string) => {
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await site.lab.exec(director, [COMMAND, "status"])).stdout.startsWith(`${director}: agent `)) {
      assert.ok(Date.now() < deadline, "no agent came back");
      await delay(200);
    }
  };

  it("are given them by the Cluster, once", async () => {
    const { id, outputs } = await clusters.create(declared("agent"));
    cluster = { id, state: outputs };
    for (const name of site.directorNames)
      assert.equal((await site.on(name, COMMAND, "version")).trim(), agentProgram().version);
    const pids = await Promise.all(site.directorNames.map(agentPid));
    cluster = { id, state: await clusters.update(id, outputs, declared("agent")) };
    assert.deepEqual(await Promise.all(site.directorNames.map(agentPid)), pids, "nothing was to be done");
    assert.equal(clusters.diff({ ...cluster.state, agent: "0.0.9+old" }, declared("agent")).changes, true);
    assert.equal(clusters.diff(cluster.state, declared("agent")).changes, false);
  });

  it("take a virtual server, gated by the agents, and carry its traffic", async () => {
    const inputs = webInputs("agent", pool("rs1", "rs2", "rs3"));
    const { id, outputs } = await services.create(inputs);
    web = { id, state: outputs, inputs };
    await everywhere(...all());
    const report = await site.lab.traffic({ url: URL, requests: 60 });
    assert.deepEqual(report.errors, {});
    assert.equal(services.diff(web.state, inputs).changes, false);
  });

  it("take a server that fails out of service by themselves, and back when it is well; no refresh calls it drift", async () => {
    await site.lab.fault.setHealth("rs2", 503);
    await everywhere(rule("rs1", 2), rule("rs2", 0), rule("rs3", 2));
    const report = await site.lab.traffic({ url: URL, requests: 60 });
    assert.deepEqual(report.errors, {});
    assert.equal(report.servers.rs2, undefined);
    assert.equal((await services.read(web.id, web.state))?.outputs.drift, undefined);
    const said = await site.on("d1", COMMAND, "explain", `${site.address("rs2")}:80`);
    assert.match(said, /configured 2 x gate 1 x drain 1 x health 0 = 0 \(down\); in the kernel 0/);
    assert.match(said, /FAIL {2}HTTP 503/);
    await site.lab.fault.setHealth("rs2", 200);
    await everywhere(...all());
  });

  it("take a server out to which a router has lost its way, though that has the word for having no route", async () => {
    const iptables = (how: string) =>
      site.on(
        "rs2",
        ...["iptables-legacy", "-w", how, "INPUT", "-p", "tcp", "--dport", "80"],
        ...["-j", "REJECT", "--reject-with", "icmp-net-unreachable"],
      );
    // Else most checks would hear nothing at all.
    await site.on("rs2", "sh", "-c", "echo 0 >/proc/sys/net/ipv4/icmp_ratelimit");
    await iptables("-I");
    try {
      await everywhere(rule("rs1", 2), rule("rs2", 0), rule("rs3", 2));
      const said = await site.on("d1", COMMAND, "explain", `${site.address("rs2")}:80`);
      assert.match(said, /FAIL {2}cannot connect: ENETUNREACH/);
    } finally {
      await iptables("-D");
    }
    await everywhere(...all());
  });

  it("change while a server is down, and do not let it in by that", async () => {
    await site.lab.fault.stopService("rs2", "http");
    await everywhere(rule("rs1", 2), rule("rs2", 0), rule("rs3", 2));
    await apply(webInputs("agent", [{ ...pool("rs1")[0], weight: 5 }, ...pool("rs2", "rs3")]));
    await everywhere(rule("rs1", 5), rule("rs2", 0), rule("rs3", 2));
    await site.lab.fault.startService("rs2", "http");
    await apply(webInputs("agent", pool("rs1", "rs2", "rs3")));
    await everywhere(...all());
  });

  it("repair a table that somebody wiped or edited, and leave what is not ours", async () => {
    await site.on("d2", "ipvsadm", "-C");
    await site.on(
      "d3",
      "ipvsadm",
      "-e",
      "-t",
      "192.0.2.10:80",
      "-r",
      `${site.address("rs1")}:80`,
      "-m",
      "-w",
      "9",
    );
    await everywhere(...all());
    await site.on("d1", "ipvsadm", "-A", "-t", "192.0.2.66:80", "-s", "lblc");
    await delay(3_000);
    assert.match(await site.table("d1"), /-A -t 192\.0\.2\.66:80 -s lblc/);
    await site.on("d1", "ipvsadm", "-D", "-t", "192.0.2.66:80");
  });

  it("only tell of what somebody has edited where driftPolicy says report, and go on heeding health", async () => {
    const declare = (policy: { driftPolicy?: "report" }) =>
      apply(webInputs("agent", pool("rs1", "rs2", "rs3"), policy));
    const status = async () => JSON.parse(await site.on("d1", COMMAND, "status", "--json")) as Status;
    const told = async (drift: string) => {
      for (
        const end = Date.now() + PATIENCE_MS;
        ((await status()).drift ?? []).join() !== drift;
        await delay(200)
      )
        assert.ok(Date.now() < end, `not told: ${drift}`);
    };
    await declare({ driftPolicy: "report" });
    const { repairs } = await status();
    const edit = ["-t", WEB, "-r", `${site.address("rs1")}:80`, "-m", "-w"];
    await site.on("d1", "ipvsadm", "-e", ...edit, "9");
    await told(`virtual server tcp ${WEB} lacks: -e ${edit.join(" ")} 2`);
    await site.lab.fault.setHealth("rs2", 503);
    await expectRules("d1", rule("rs1", 9), rule("rs2", 0), rule("rs3", 2));
    for (const name of ["d2", "d3"]) await expectRules(name, rule("rs1", 2), rule("rs2", 0), rule("rs3", 2));
    await site.lab.fault.setHealth("rs2", 200);
    await expectRules("d1", rule("rs1", 9), rule("rs2", 2), rule("rs3", 2));
    assert.equal((await status()).repairs, repairs);
    await declare({});
    await everywhere(...all());
    await told("");
  });

  it("let all servers take connections when too few are well for failOpenPercent", async () => {
    await apply(webInputs("agent", pool("rs1", "rs2", "rs3"), { failOpenPercent: 50 }));
    await site.lab.fault.setHealth("rs1", 503);
    await everywhere(rule("rs1", 0), rule("rs2", 2), rule("rs3", 2));
    await site.lab.fault.setHealth("rs2", 503);
    await everywhere(...all());
    const { errors, servers } = await site.lab.traffic({ url: URL, requests: 60 });
    assert.deepEqual([errors, Object.keys(servers).sort()], [{}, ["rs1", "rs2", "rs3"]]);
    for (const name of ["rs1", "rs2"]) await site.lab.fault.setHealth(name, 200);
    await apply(webInputs("agent", pool("rs1", "rs2", "rs3")));
    await everywhere(...all());
  });

  it("take back at the next look what procfs does not tell, each time", async () => {
    for (const flag of ["flag-1", "flag-2,flag-3"]) {
      await site.on("d1", "ipvsadm", "-E", "-t", "192.0.2.10:80", "-s", "wrr", "-b", flag);
      await everywhere(...all());
    }
  });

  it("speak netlink to the kernel, and take ipvsadm where that cannot be", async () => {
    const koffi = "/var/lib/heye/agent/koffi.node";
    const way = async () => {
      const status = await site.lab.exec("d1", [COMMAND, "status", "--json"]);
      return status.code === 0 ? (JSON.parse(status.stdout) as Status).way : undefined;
    };
    const restart = async (before: string) => {
      await site.on("d1", "sh", "-c", before);
      const pid = await agentPid("d1");
      await site.on("d1", "kill", "-TERM", pid);
      const deadline = Date.now() + PATIENCE_MS;
      while ((await agentPid("d1")) === pid || (await way()) === undefined) {
        assert.ok(Date.now() < deadline, "no agent came back");
        await delay(200);
      }
    };
    for (const name of site.directorNames)
      assert.equal(await site.on(name, "stat", "-c", "%a %u", koffi), "600 0\n");
    assert.deepEqual(await way(), { by: "netlink" });
    // Another file in its place: one that is cut short under the agent that has mapped it ends that agent.
    await restart(`echo damaged >${koffi}.other && chmod 600 ${koffi}.other && mv ${koffi}.other ${koffi}`);
    assert.deepEqual(await way(), { by: "netlink" });
    await restart(`rm ${koffi}; mkdir ${koffi}`);
    assert.equal((await way())?.by, "ipvsadm");
    assert.match(await site.on("d1", COMMAND, "status"), /^IPVS by way of ipvsadm: EISDIR/m);
    await site.on("d1", "ipvsadm", "-C");
    await everywhere(...all());
    await restart(`rmdir ${koffi}`);
    assert.deepEqual(await way(), { by: "netlink" });
    await everywhere(...all());
  });

  it("go on forwarding when an agent is killed; the next one changes nothing", async () => {
    const load = await WitnessedLoad.begin(site, WEB);
    const pid = await agentPid("d1");
    assert.match(pid, /^\d+$/);
    await site.on("d1", "kill", "-KILL", pid);
    await answers("d1");
    assert.notEqual(await agentPid("d1"), pid);
    await expectRules("d1", ...all());
    await load.expectUnnoticed();
    assert.match(await site.on("d1", COMMAND, "status"), / 0 repairs/);
  });

  it("have their table again after a reboot, the dead servers as dead, without anybody's help", async () => {
    await site.lab.fault.setHealth("rs3", 503);
    await everywhere(rule("rs1", 2), rule("rs2", 2), rule("rs3", 0));
    await delay(500);
    await site.lab.fault.rebootDirector("d3");
    await expectRules("d3", rule("rs1", 2), rule("rs2", 2), rule("rs3", 0));
    await site.lab.fault.setHealth("rs3", 200);
    await everywhere(...all());
  });

  it("say that an agent is down where one is asked, and the Cluster starts it again", async () => {
    await site.on(
      "d2",
      "sh",
      "-c",
      `chmod 600 ${COMMAND}; kill $(pgrep -f '[s]upervise' ; pgrep -f '[h]eye-agent.js run')`,
    );
    await delay(500);
    const more = webInputs("agent", pool("rs1", "rs2", "rs3", "rs4"));
    await assert.rejects(
      services.update(web.id, web.state, more),
      /director d2: its agent does not answer.*HEYE_AGENT_DOWN/s,
    );
    await expectRules("d1", ...all());
    await clusters.update(cluster.id, cluster.state, declared("agent"));
    await apply(more);
    await everywhere(...all(), rule("rs4", 2));
    await apply(webInputs("agent", pool("rs1", "rs2", "rs3")));
  });

  it("refuse a change that goes past the agent", async () => {
    const past = { ...web.inputs, cluster: { ...handle, mode: "ssh" }, scheduler: "rr" };
    await assert.rejects(services.update(web.id, web.state, past), /HEYE_AGENT_OWNS/);
    await everywhere(...all());
  });

  it("keep out a Cluster in the mode ssh before it sets anything, and one that had none is told of them by a refresh", async () => {
    const { inputs, problems } = clusters.check({
      ...{ name: "other", label: "tests Cluster other", mode: "ssh" },
      directors: [...site.cluster.directors],
      settings: { sloppyTcp: true },
    });
    assert.deepEqual(problems, []);
    const held = () =>
      Promise.all(
        site.directorNames.map((name) =>
          site.on(name, "sh", "-c", "sysctl net.ipv4.vs.sloppy_tcp; cat /var/lib/heye/settings"),
        ),
      );
    const before = await held();
    await assert.rejects(clusters.create(inputs), (error: Error) => {
      for (const name of site.directorNames)
        assert.match(
          error.message,
          new RegExp(`director ${name}: an agent keeps its table.*HEYE_AGENT_OWNS`),
        );
      assert.match(error.message, /No setting was changed on any director/);
      return true;
    });
    await assert.rejects(clusters.update("other-1", inputs, inputs), /HEYE_AGENT_OWNS/);
    assert.deepEqual(await held(), before);
    const drift = (await clusters.read("other-1", inputs))?.outputs.drift as Record<string, string[]>;
    for (const name of site.directorNames)
      assert.ok(drift[name]?.includes("an agent keeps its table, and the cluster has the mode ssh"), name);
    await everywhere(...all());
  });

  it("go on with the program they have where there is no room for another", async () => {
    const pid = await agentPid("d1");
    await fillDisk(site, "d1");
    try {
      await site.on("d1", "sh", "-c", `echo "${pid} 0.0.1+old" >/run/heye/agent.ready`);
      await assert.rejects(
        clusters.update(cluster.id, cluster.state, declared("agent")),
        /director d1.*could not be written to/s,
      );
      assert.equal(await agentPid("d1"), pid);
    } finally {
      await emptyDisk(site, "d1");
    }
    // It is whole: it starts again, and is taken for what it is.
    await site.on("d1", "kill", "-KILL", pid);
    await answers("d1");
    assert.equal((await site.on("d1", COMMAND, "version")).trim(), agentProgram().version);
    await clusters.update(cluster.id, cluster.state, declared("agent"));
    await everywhere(...all());
  });

  it("go on where a change that one has begun keeps it from being removed", async () => {
    const [director] = site.fleet.of(site.cluster);
    assert.ok(director);
    const journal = "/var/lib/heye/agent/journal.json";
    const pid = await agentPid("d1");
    await site.on("d1", "touch", journal);
    await assert.rejects(removeAgent(director), /d1: .*a change has begun.*; nothing was stopped/s);
    assert.equal(await agentPid("d1"), pid);
    await site.on("d1", "rm", journal);
  });

  it("turn from agents to SSH and back without a lost connection, be it new or held all the while", async () => {
    const made = await services.create(echoInputs("agent"));
    const echo = { id: made.id, state: made.outputs };
    const held = await HeldConnections.open(site, ECHO.address, ECHO.port, 9, 30_000);
    const load = await WitnessedLoad.begin(site, WEB);
    for (const mode of ["ssh", "agent"] as const) {
      await turnTo(mode);
      echo.state = await services.update(echo.id, echo.state, echoInputs(mode));
      if (mode === "ssh") for (const name of site.directorNames) assert.equal(await agentPid(name), "");
      await everywhere(...all());
    }
    await load.expectUnnoticed();
    for (const { lost, answers: count, server } of await held.close())
      assert.ok(lost === "" && count > 1, `${server}: ${lost} after ${count} answers`);
    await services.delete(echo.id, echo.state);
  });

  it("get a Node where they have none", async () => {
    const hide = "mv /usr/local/bin/node /usr/local/bin/node.hidden";
    await site.on("d1", "sh", "-c", `${hide}; rm -f ${COMMAND}; kill $(pgrep -f '[h]eye-agent.js run')`);
    await clusters.update(cluster.id, cluster.state, declared("agent"));
    assert.match(await site.on("d1", "cat", COMMAND), /exec \/var\/lib\/heye\/agent\/node /);
    assert.match(await site.on("d1", COMMAND, "status"), /^d1: agent /);
    await expectRules("d1", ...all());
  });

  it("give everything back, and are as they were", async () => {
    await services.delete(web.id, web.state);
    await clusters.delete(cluster.id, cluster.state);
    for (const name of site.directorNames) assert.equal(await agentPid(name), "");
    await site.expectEmpty();
    const left = "ls /etc/systemd/system/heye-agent.service /run/heye/agent.sock 2>/dev/null || :";
    for (const name of site.directorNames) assert.equal(await site.on(name, "sh", "-c", left), "");
  });
});
