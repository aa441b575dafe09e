import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { OwnProber, proberArgv } from "../../agent/own-prober";
import {
  checkForwarding,
  type ForwardingPath,
  type ForwardingProber,
  forwardingPath,
} from "../../director/data";
import { healthCheck } from "../../spec";
import { AgentSite, QUICK } from "./agent-site";
import { apiClient } from "./api-client";
import { ModelledServers } from "./modelled-servers";

const CHECK = healthCheck.parse({
  type: "tcp",
  intervalMs: 20,
  timeoutMs: 2_000,
  rise: 1,
  deadlineMs: 2_000,
});
const MEMBER = { address: "10.0.0.1", port: 80, weight: 1, forwarding: "dr" } as const;

function path(): ForwardingPath {
  const found = forwardingPath({ protocol: "tcp", address: "192.0.2.1", port: 80 }, MEMBER, CHECK);
  assert.ok(found);
  return found;
}

/** A director whose script says this; what it is given first are three lines. */
const saying = (script: string) =>
  new OwnProber("d1", () => ["sh", "-c", `read -r a; read -r b; read -r c\n${script}`]);

describe("an agent's check through the forwarding path", () => {
  it("is a connection that its own process makes", async () => {
    const prober = saying(`echo "heye 1 ready"; read -r go; echo "heye 1 open"; read -r go; exec cat`);
    const probe = await prober.probe(path(), 5);
    assert.notEqual(probe, "local");
    if (probe === "local") return;
    const stream = await probe.dial(MEMBER, new AbortController().signal);
    stream.write("hello\n");
    const [answer] = await Promise.all([new Promise((resolve) => stream.once("data", resolve))]);
    assert.equal(String(answer), "hello\n");
    stream.destroy();
    await probe.close();
  });

  it("passes with a connection, and tells why there is none", async () => {
    const open = saying(`echo "heye 1 ready"; read -r go; echo "heye 1 open"; read -r go; cat >/dev/null`);
    assert.equal((await checkForwarding(open, path())).healthy, true);
    const refused = saying(
      `echo "heye 1 ready"; read -r go; echo "bash: connect: Connection refused" >&2; echo "heye 1 refused"`,
    );
    const { healthy, answer } = await checkForwarding(refused, path());
    assert.deepEqual([healthy, answer], [false, "cannot connect: Connection refused"]);
    assert.equal((await checkForwarding(saying(`echo "heye 1 local"`), path())).healthy, true);
  });

  it("is not repeated where the director lacks what it needs", async () => {
    const lacking: [OwnProber, RegExp][] = [
      [saying(`echo "heye 1 missing tc"`), /there is no tc on its PATH.*HEYE_FORWARDING_CHECK/],
      [
        saying(`echo "heye 1 failed making a veth pair"; echo "Operation not permitted"`),
        /making a veth pair failed: Operation not permitted.*forwardingCheck: false/,
      ],
      [new OwnProber("d1", () => ["heye-no-such-program"]), /there is no heye-no-such-program on its PATH/],
    ];
    for (const [prober, words] of lacking) {
      const { answer, checks } = await checkForwarding(prober, path());
      assert.match(answer, words);
      assert.equal(checks, 1);
    }
  });

  it("ends with who waits for it", async () => {
    const never = saying(`echo "heye 1 ready"; read -r go; echo "heye 1 refused"`);
    const patient = { ...path(), check: { ...path().check, intervalMs: 60_000, deadlineMs: 60_000 } };
    const gone = new AbortController();
    const verdict = checkForwarding(never, patient, gone.signal);
    setTimeout(() => gone.abort(), 100);
    assert.equal((await verdict).healthy, false);
  });

  it("is started by systemd where the agent's unit may not make a network namespace", () => {
    const status = (mask: string) => `Name:\tnode\nCapEff:\t${mask}\n`;
    const [own, unit] = [status("000001ffffffffff"), status("0000000000013000")];
    assert.equal(proberArgv({ status: own, hasSystemd: true })[0], "sh");
    assert.equal(proberArgv({ status: unit, hasSystemd: false })[0], "sh");
    const argv = proberArgv({ status: unit, hasSystemd: true });
    const [before, script = ""] = [argv.slice(0, -1), argv.at(-1)];
    assert.deepEqual(before.slice(0, 5), ["systemd-run", "--quiet", "--pipe", "--wait", "--collect"]);
    assert.deepEqual(before.slice(-3), ["--", "/bin/sh", "-c"]);
    // Of all of root's rights these two, and nothing of the director to write to but where checks are recorded.
    const properties = before.filter((word) => word.startsWith("--property="));
    for (const one of [
      "CapabilityBoundingSet=CAP_SYS_ADMIN CAP_NET_ADMIN",
      "NoNewPrivileges=yes",
      "ProtectSystem=strict",
      "ReadWritePaths=/run/heye",
      "SystemCallFilter=@system-service",
    ])
      assert.ok(properties.includes(`--property=${one}`), one);
    // What systemd makes of it is what is run elsewhere.
    const said = script.replace(/\$\$/g, () => "$");
    assert.equal(said, proberArgv({ status: own, hasSystemd: true })[2]);
    assert.ok(!/(^|[^$])(\$\$)*\$([^$]|$)/.test(script), "a single dollar is left");
    const { status: parsed } = spawnSync("sh", ["-n"], { input: said });
    assert.equal(parsed, 0);
  });
});

describe("the gate of the API", () => {
  const VS = "/v1/virtual-servers";
  let site: AgentSite;
  let asked: string[];
  let answers: OwnProber;

  beforeEach(async () => {
    asked = [];
    answers = saying(`echo "heye 1 ready"; read -r go; echo "heye 1 refused"`);
    const prober: ForwardingProber = {
      probe: (way, lifetimeS) => {
        asked.push(`${way.address}:${way.port} ${way.member.address} ${way.member.forwarding}`);
        return answers.probe(way, lifetimeS);
      },
    };
    site = await AgentSite.up(undefined, { dial: new ModelledServers().dial, prober });
  });
  afterEach(() => site.down());

  const post = (realServers: readonly object[], check: object = {}) =>
    apiClient(site.socket).post(VS, {
      body: {
        ...{ address: "192.0.2.1", port: 80, scheduler: "rr" },
        healthCheck: { ...QUICK, timeoutMs: 200, deadlineMs: 300, ...check },
        realServers,
      },
    });

  for (const forwarding of ["dr", "tun"])
    it(`asks a server of ${forwarding} by way of the virtual address too, and changes nothing when it does not answer`, async () => {
      const refused = await post([{ address: "10.0.0.1", forwarding }]);
      assert.deepEqual([refused.status, refused.body.code], [422, "HEYE_GATE"]);
      assert.match(
        refused.body.detail,
        new RegExp(`tcp on 192\\.0\\.2\\.1:80 by ${forwarding}: cannot connect`),
      );
      assert.deepEqual(
        refused.body.gate.map(({ server, by }: { server: string; by: string }) => [server, by]),
        [["10.0.0.1:80", forwarding]],
      );
      assert.deepEqual(site.kernel.lines, []);
      assert.equal(asked[0], `192.0.2.1:80 10.0.0.1 ${forwarding}`);
      answers = saying(`echo "heye 1 ready"; read -r go; echo "heye 1 open"; read -r go; cat >/dev/null`);
      assert.equal((await post([{ address: "10.0.0.1", forwarding }])).status, 201);
      assert.equal(site.kernel.lines.length, 2);
    });

  it("asks nobody so who needs no such question", async () => {
    const pool = [
      { address: "10.0.0.1", forwarding: "nat" },
      { address: "10.0.0.2", forwarding: "dr", weight: 0 },
    ];
    assert.equal((await post(pool)).status, 201);
    assert.deepEqual(asked, []);
  });

  it("asks nobody so where the health check says so", async () => {
    const pool = [{ address: "10.0.0.1", forwarding: "dr" }];
    assert.equal((await post(pool, { forwardingCheck: false })).status, 201);
    assert.deepEqual(asked, []);
  });
});
