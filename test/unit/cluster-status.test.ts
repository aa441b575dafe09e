import assert from "node:assert/strict";
import { statusText } from "../../agent/text";
import { ratesOf, together } from "../../agent/top/rates";
import { short, topText } from "../../agent/top/text";
import { AGENT_COMMANDS, agentCommand, named } from "../../cli/agent";
import { usageOf } from "../../cli/agent-usage";
import { clusterText, differences, type Told } from "../../cli/cluster-status";
import { directorAmong, endOf, repeated, saidWithoutAgent } from "../../cli/directors";
import type { ServiceTraffic } from "../../ipvs";
import { ExecTimeoutError, NoLabError } from "../../lab/errors";

const NOW = 1_700_000_000_000;
const KEY = "tcp 192.0.2.1:80";
const NOTHING = { connections: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 };

interface Shape {
  readonly healthy?: boolean;
  readonly digest?: string;
  readonly registry?: string;
  readonly ready?: boolean;
  /** Whether the table is without the server that is down. */
  readonly out?: boolean;
}

function told(
  name: string,
  { healthy = true, digest = "aaaaaaaaaaaa", registry = "1", ready = true, out = false }: Shape = {},
): Told {
  return {
    name,
    status: {
      ...{ version: "0.1.0", startedAt: NOW - 60_000, reconciledAt: NOW - 1_000, repairs: 0, ready },
      alarms: ready ? [] : [{ alarm: "maintenance", detail: "new memory" }],
      digests: { registry: registry.repeat(64), table: "2".repeat(64), choice: digest },
      services: [
        {
          ...{ service: KEY, up: true, owner: "shop/prod Cluster edge", digest },
          servers: [
            {
              ...{ server: "10.0.0.1:80", configuredWeight: 2, effectiveWeight: healthy ? 2 : 0 },
              ...{ kernelWeight: healthy ? 2 : out ? null : 0, reasons: healthy ? [] : ["down"] },
              health: {
                healthy,
                since: NOW - 12_000,
                answer: healthy ? "HTTP 200" : "cannot connect: ECONNREFUSED",
              },
            },
          ],
          sorryServer: { server: "10.0.0.9:80", serves: !healthy },
        },
      ],
    },
  };
}

describe("answers of several directors", () => {
  it("say whose they are: by a name before one line, or above more", () => {
    assert.equal(
      named("d1", ["drain"], "10.0.0.1:80 takes no new connections in x\n"),
      "d1: 10.0.0.1:80 takes no new connections in x\n",
    );
    assert.equal(named("d1", ["explain", "10.0.0.1:80"], "a\n  b\n\n"), "d1:\na\n  b\n\n");
    assert.equal(named("d1", ["explain", "flow"], "a\n  b\n"), "d1  a\n  b\n");
    assert.equal(named("d1", ["status"], "d1: agent\n"), "d1: agent\n");
    assert.equal(named("d1", ["explain", "10.0.0.1:80", "--json"], "[]\n"), "[]\n");
  });
});

describe("a status of several directors", () => {
  it("tells once what they agree on", () => {
    const text = clusterText([told("d1"), told("d2")], [], NOW);
    assert.equal(
      text,
      [
        "d1  ready  agent 0.1.0, up 60 s, table as wanted 1 s ago, 0 repairs",
        "d2  ready  agent 0.1.0, up 60 s, table as wanted 1 s ago, 0 repairs",
        "same on all: what is declared, the table, how servers are chosen",
        "",
        `${KEY}  up  (shop/prod Cluster edge)`,
        "  10.0.0.1:80                  weight 2          up for 12 s  HTTP 200",
        "  10.0.0.9:80                  sorry server",
        "",
      ].join("\n"),
    );
  });

  it("names the directors that differ, and in what", () => {
    const text = clusterText(
      [told("d1"), told("d2", { healthy: false, digest: "bbbbbbbbbbbb" }), told("d3", { ready: false })],
      ["d4"],
      NOW,
    );
    assert.match(text, /^d3 {2}NOT READY /m);
    assert.match(text, /^d3 {2}MAINTENANCE: new memory$/m);
    assert.match(text, /^d4 {2}SILENT: no agent answers there$/m);
    assert.match(
      text,
      /^DIFFERS: how tcp 192\.0\.2\.1:80 chooses: aaaaaaaaaaaa on d1 d3, bbbbbbbbbbbb on d2$/m,
    );
    assert.match(
      text,
      /weight 2 on d1 d3, 0 of 2 on d2 up on d1 d3, DOWN on d2 for 12 s {2}\[down\] {2}cannot connect/,
    );
    assert.match(text, /sorry server, SERVES on d2$/m);
    assert.doesNotMatch(text, /same on all/);
  });

  it("tells an entry of weight 0, which keeps its connections, from one that is out of the table", () => {
    const down = told("d1", { healthy: false });
    const gone = told("d2", { healthy: false, out: true });
    assert.match(clusterText([down], [], NOW), /weight 0 of 2 +DOWN for 12 s/);
    assert.match(clusterText([gone], [], NOW), /weight 0 of 2, out of the table +DOWN for 12 s/);
    assert.match(
      clusterText([down, gone], [], NOW),
      /weight 0 of 2 on d1, 0 of 2, out of the table on d2 DOWN/,
    );
    const director = {
      ...gone.status,
      ...{ director: "d2", drains: [], checks: { checks: 0, late: 0, inconclusive: 0, stalls: 0 } },
    } as unknown as Parameters<typeof statusText>[0];
    assert.match(statusText(director, NOW), /weight 0 of 2, out of the table +DOWN for 12 s/);
  });

  it("says that no more is the same than is known, of those alone that answer", () => {
    const blind = (name: string) => {
      const { status } = told(name);
      const { registry, table } = status.digests ?? { registry: "", table: "" };
      const services = status.services.map(({ digest: _, ...one }) => one);
      return { name, status: { ...status, digests: { registry, table }, services } };
    };
    assert.deepEqual(differences([blind("d1"), blind("d2")]), ["same on all: what is declared, the table"]);
    assert.match(
      clusterText([told("d1"), told("d2")], ["d3"], NOW),
      /^same on all that answer: what is declared, the table, how servers are chosen$/m,
    );
  });

  it("tells apart what is declared, what is there, and who lacks it", () => {
    assert.deepEqual(differences([told("d1", { registry: "1" }), told("d2", { registry: "3" })]), [
      "DIFFERS: what is declared: 111111111111 on d1, 333333333333 on d2",
    ]);
    const lacking = told("d2");
    const without = { ...lacking, status: { ...lacking.status, services: [] } };
    assert.deepEqual(differences([told("d1"), without]), [
      `DIFFERS: how ${KEY} chooses: aaaaaaaaaaaa on d1, not there on d2`,
    ]);
    assert.match(clusterText([told("d1"), without], [], NOW), /80 {2}up on d1 alone/);
    assert.deepEqual(differences([told("d1")]), []);
  });
});

describe("a registry that is put back", () => {
  it("is one director's: several would each put their own file there", async () => {
    const said: string[] = [];
    const { write } = process.stderr;
    process.stderr.write = (text: string | Uint8Array) => said.push(String(text)) > 0;
    try {
      const hosts = ["--host", "root@lb1.invalid", "--host", "root@lb2.invalid"];
      assert.equal(await agentCommand("store", ["restore", "/var/lib/heye/registry", ...hosts]), 2);
    } finally {
      process.stderr.write = write;
    }
    assert.match(said.join(""), /expected one director to restore on .*found 2$/m);
  });
});

describe("a director without an agent", () => {
  it("says what is missing, whoever was to start the command", () => {
    for (const stderr of [
      "spawn /var/lib/heye/agent/heye-agent ENOENT\n",
      "bash: line 1: /var/lib/heye/agent/heye-agent: No such file or directory\n",
      "sh: 1: /var/lib/heye/agent/heye-agent: not found\n",
      "ash: /var/lib/heye/agent/heye-agent: not found\n",
    ])
      assert.match(saidWithoutAgent(stderr), /^no agent is installed there .* `mode: "agent"`.*\n$/, stderr);
  });

  it("is not made of one whose agent has another complaint", () => {
    for (const stderr of [
      "",
      "heye-agent: no virtual server has a real server\n",
      "heye-agent: ENOENT: no such file or directory, open '/root/gone.registry'\n",
      "ssh: lb1: not found\n",
    ])
      assert.equal(saidWithoutAgent(stderr), stderr);
  });
});

describe("directors of a lab that are asked", () => {
  it("are those that it has", () => {
    assert.equal(directorAmong(["d1", "d2"], "d2"), "d2");
    assert.throws(
      () => directorAmong(["d1", "d2"], "rs1"),
      /^Error: --director: expected one of d1, d2, found "rs1"$/,
    );
  });

  it("fail each by itself, when one does not answer in time", async () => {
    const late = Promise.reject(new ExecTimeoutError("it ran longer than 60000 ms"));
    assert.deepEqual(await endOf(late), { code: 1, stdout: "", stderr: "it ran longer than 60000 ms\n" });
    await assert.rejects(endOf(Promise.reject(new NoLabError("gone"))), NoLabError);
    const well = { code: 0, stdout: "{}", stderr: "" };
    assert.deepEqual(await endOf(Promise.resolve(well)), well);
    assert.equal((await endOf(Promise.resolve({ ...well, code: null }))).code, 1);
  });

  it("are asked again and again, until one fails, in its own words", async () => {
    const well = { code: 0, stdout: "{}\n", stderr: "" };
    const ends = [well, well, { code: 1, stdout: "", stderr: "no agent is installed there\n" }];
    const lines: string[] = [];
    await assert.rejects(async () => {
      for await (const line of repeated(async () => ends.shift() ?? well)) lines.push(line);
    }, /^Error: no agent is installed there$/);
    assert.deepEqual(lines, ["{}", "{}"]);
  });
});

describe("how a command is called", () => {
  const commands = Object.keys(AGENT_COMMANDS) as (keyof typeof AGENT_COMMANDS)[];

  it("is told of that one alone", () => {
    for (const command of commands) {
      const ways = usageOf(command).match(/^(?:usage:|) *heye \S+/gm) ?? [];
      assert.ok(ways.length > 0, command);
      for (const way of ways) assert.match(way, new RegExp(` heye ${command}$`));
    }
  });
});

describe("rates", () => {
  const service = (connections: number, active = 0): ServiceTraffic => ({
    ...{ service: KEY, ...NOTHING, connections },
    destinations: [
      { destination: "10.0.0.1:80", weight: 1, active, inactive: 2, persistent: 0, ...NOTHING, connections },
    ],
  });

  it("are what was counted in the time between, and begin anew with the counters", () => {
    const [whole, server] = ratesOf(
      { atMs: 1_000, traffic: [service(100)] },
      { atMs: 3_000, traffic: [service(150, 7)] },
    );
    assert.equal(whole?.connections, 25);
    assert.deepEqual([server?.server, server?.connections, server?.active], ["10.0.0.1:80", 25, 7]);
    assert.equal(whole?.active, 7);
    const reset = ratesOf({ atMs: 0, traffic: [service(100)] }, { atMs: 2_000, traffic: [service(10)] });
    assert.equal(reset[0]?.connections, 5, "counters that began anew are no negative rate");
    assert.equal(
      ratesOf({ atMs: 0, traffic: [] }, { atMs: 1_000, traffic: [service(3)] })[0]?.connections,
      3,
    );
  });

  it("of several directors are added up, the busiest first", () => {
    const one = ratesOf({ atMs: 0, traffic: [service(0)] }, { atMs: 1_000, traffic: [service(10, 1)] });
    const other = ratesOf(
      { atMs: 0, traffic: [{ ...service(0), service: "udp 192.0.2.2:53" }] },
      { atMs: 1_000, traffic: [{ ...service(500), service: "udp 192.0.2.2:53" }] },
    );
    const all = together([one, one, other]);
    assert.equal(all.find((rates) => rates.service === KEY && !rates.server)?.connections, 20);
    const lines = topText("now", all).split("\n");
    assert.match(lines[2] ?? "", /^udp 192\.0\.2\.2:53 +500 /);
    assert.match(lines[4] ?? "", /^tcp 192\.0\.2\.1:80 +20 +2 /);
    assert.match(topText("now", all, 5), /\.\.\. and 2 more\n$/);
  });

  it("are written so that they can be read", () => {
    const written = [0, 3, 0.25, 12.34, 456.7, 999.6, 1_234, 45_678, 3.2e9].map(short);
    assert.deepEqual(written, ["0", "3", "0.25", "12.3", "457", "1.00k", "1.23k", "45.7k", "3.20G"]);
  });
});
