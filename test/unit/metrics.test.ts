import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { bucketsOf } from "../../agent/metrics/connection-table";
import { renderServers, SERVER_METRICS, type ServiceRow } from "../../agent/metrics/families";
import { statusText } from "../../agent/text";
import { putVirtualServer } from "../../director";
import type { ServiceTraffic } from "../../ipvs";
import { ask } from "./agent-http";
import { AgentSite, until, virtualServer } from "./agent-site";
import { readScrape, sampleValue } from "./exposition";
import { LoopbackServer } from "./loopback-server";

const ME = { id: "me-1", label: 'shop/"prod" \\ Cluster\nedge' };
const KEY = "tcp 192.0.2.1:80";

describe("metrics of an agent", () => {
  let site: AgentSite;
  let servers: LoopbackServer[];

  beforeEach(async () => {
    site = await AgentSite.up();
    servers = await Promise.all([LoopbackServer.up(), LoopbackServer.up()]);
    const wanted = virtualServer(servers.map(({ member }) => member));
    await site.director().change(putVirtualServer(ME, KEY, wanted, { known: false }));
    const { watch } = site.keeper.view.pools;
    await until(
      () => watch.counters.checks > 2,
      () => "checks are made",
    );
  });
  afterEach(async () => {
    await site.down();
    await Promise.all(servers.map((server) => server.kill()));
  });

  const scrape = async (path = "/metrics") => {
    const { status, headers, text } = await ask(site.socket, path);
    assert.equal(status, 200, text);
    assert.match(String(headers["content-type"]), /^text\/plain; version=0\.0\.4/);
    return readScrape(text);
  };
  const labelsOf = ({ port }: LoopbackServer) => ({ virtual_server: KEY, real_server: `127.0.0.1:${port}` });

  it("are in Prometheus' text format, by its conventions", async () => {
    const { types, samples } = await scrape();
    for (const [name, type] of types) {
      if (!name.startsWith("heye_")) continue;
      assert.equal(name.endsWith("_total"), type === "counter", name);
      assert.doesNotMatch(name, /_(ms|milliseconds|kilobytes|percent)(_|$)/, name);
    }
    const labels = new Set(
      samples.filter((one) => one.name.startsWith("heye_")).flatMap((one) => Object.keys(one.labels)),
    );
    const bounded = [
      "by",
      "check",
      "kernel",
      "le",
      "outcome",
      "owner",
      "real_server",
      "scheduler",
      "to",
      "version",
      "virtual_server",
    ];
    assert.deepEqual([...labels].sort(), bounded);
    const owner = samples.find(({ name }) => name === "heye_virtual_server_info")?.labels.owner;
    assert.equal(owner, ME.label, "what users write is escaped");
    for (const name of ["process_cpu_seconds_total", "process_resident_memory_bytes", "heye_agent_info"])
      assert.ok(types.has(name), name);
  });

  it("say what a server's health makes of it, and how its checks went", async () => {
    const [a, b] = servers as [LoopbackServer, LoopbackServer];
    await a.kill();
    await until(
      () => site.kernel.lines.some((line) => line.includes(`:${a.port} -m -w 0`)),
      () => "the dead server is out",
    );
    const after = await scrape();
    assert.equal(sampleValue(after, "heye_real_server_healthy", labelsOf(a)), 0);
    assert.equal(sampleValue(after, "heye_real_server_healthy", labelsOf(b)), 1);
    for (const [name, weight] of [
      ["configured", 3],
      ["effective", 0],
      ["kernel", 0],
    ] as const)
      assert.equal(sampleValue(after, `heye_real_server_${name}_weight`, labelsOf(a)), weight, name);
    assert.equal(sampleValue(after, "heye_virtual_server_up", { virtual_server: KEY }), 1);
    assert.equal(sampleValue(after, "heye_virtual_server_effective_weight"), 3);
    assert.equal(sampleValue(after, "heye_health_transitions_total", { to: "down" }), 1);
    const failed = sampleValue(after, "heye_check_duration_seconds_count", {
      check: "tcp",
      outcome: "unhealthy",
    });
    assert.ok((failed ?? 0) >= 2, String(failed));
    assert.ok((sampleValue(after, "heye_reconcile_duration_seconds_count") ?? 0) > 0);
    assert.equal(sampleValue(after, "heye_ready"), 1);
  });

  it("tell of a registry that somebody else has removed, which is an alarm too", async () => {
    await site.store.look();
    assert.equal(sampleValue(await scrape(), "heye_registry_touched"), 0);
    await rm(join(site.folder, "registry"));
    await site.store.look();
    assert.equal(sampleValue(await scrape(), "heye_registry_touched"), 1);
    const { alarms = [] } = await site.sight.status();
    assert.deepEqual(
      alarms.map(({ alarm }) => alarm),
      ["registry"],
    );
    assert.match(statusText(await site.sight.status(), Date.now()), /^REGISTRY: .*registry is gone/m);
  });

  it("tell digests as numbers that change with what they are of, and not by themselves", async () => {
    const digests = async () => {
      const seen = await scrape();
      return ["registry", "table", "choice"].map((one) => sampleValue(seen, `heye_${one}_digest`) ?? -1);
    };
    const first = await digests();
    assert.deepEqual(await digests(), first);
    for (const one of first) assert.ok(Number.isSafeInteger(one) && one > 0, String(one));
    await servers[0]?.kill();
    await until(
      () => site.kernel.lines.some((line) => line.includes("-w 0")),
      () => "the dead server is out",
    );
    const [registry, table, choice] = await digests();
    assert.deepEqual([registry, table], first.slice(0, 2), "health is no difference in what is declared");
    assert.notEqual(choice, first[2], "and it is one in what clients get");
  });

  it("leave real servers out when asked, and nothing else", async () => {
    const { samples } = await scrape("/metrics?without=real_servers");
    assert.ok(samples.some(({ name }) => name === "heye_virtual_server_up"));
    assert.ok(!samples.some(({ name }) => name.startsWith("heye_real_server")));
    assert.equal((await ask(site.socket, "/metrics?without=sense")).status, 400);
  });

  it("come packed where the asker can unpack them", async () => {
    const many = Array.from({ length: 400 }, (_, index) => ({ ...servers[0]?.member, port: 1000 + index }));
    const wanted = virtualServer(many as never, {
      address: "192.0.2.2",
      healthCheck: { type: "none" } as never,
    });
    await site.director().change(putVirtualServer(ME, "tcp 192.0.2.2:80", wanted, { known: false }));
    const { headers, bytes } = await ask(site.socket, "/metrics", { headers: { "accept-encoding": "gzip" } });
    assert.equal(headers["content-encoding"], "gzip");
    const { samples } = readScrape(gunzipSync(bytes).toString("utf8"));
    assert.equal(samples.filter(({ name }) => name === "heye_real_server_kernel_weight").length, 402);
  });

  it("are written once for all who ask at the same time", async () => {
    const { registry } = site.sight.instruments;
    const write = registry.metrics.bind(registry);
    let written = 0;
    registry.metrics = () => {
      written++;
      return write();
    };
    const texts = await Promise.all(Array.from({ length: 20 }, () => site.sight.metrics(true)));
    assert.deepEqual([written, new Set(texts).size], [1, 1]);
    await site.sight.metrics(true);
    assert.equal(written, 2, "and anew for who asks later");
  });

  it("go on without the kernel's counters while it does not tell them", async () => {
    site.kernel.traffic = () => Promise.reject(new Error("no ipvsadm"));
    const seen = await scrape();
    assert.equal(sampleValue(seen, "heye_real_server_connections_total"), undefined);
    assert.equal(sampleValue(seen, "heye_real_server_healthy"), 1);
  });
});

describe("the text of metrics", () => {
  const traffic: ServiceTraffic = {
    ...{ service: KEY, connections: 7, packetsIn: 70, packetsOut: 60, bytesIn: 7_000, bytesOut: 6_000 },
    destinations: [
      {
        ...{ destination: "10.0.0.1:80", weight: 2, active: 3, inactive: 4, persistent: 0 },
        ...{ connections: 5, packetsIn: 50, packetsOut: 40, bytesIn: 2 ** 52, bytesOut: 4_000 },
      },
    ],
  };
  const row: ServiceRow = {
    traffic,
    status: {
      ...{ service: KEY, up: false, owner: "me", scheduler: "mh", quorum: 2 },
      sorryServer: { server: "10.0.0.9:80", serves: true },
      servers: [
        {
          ...{ server: "10.0.0.1:80", configuredWeight: 2, effectiveWeight: 2, kernelWeight: 2 },
          reasons: ["drained"],
        },
        {
          ...{ server: "10.0.0.2:80", configuredWeight: 1, effectiveWeight: 0, kernelWeight: null },
          reasons: [],
        },
      ],
    },
  };

  it("has everything that a kernel counts, and no line for what is not there", () => {
    const seen = readScrape([...renderServers([row], true)].join(""));
    const one = { real_server: "10.0.0.1:80" };
    const expected = {
      ...{ connections_total: 5, incoming_packets_total: 50, outgoing_packets_total: 40 },
      ...{ incoming_bytes_total: 2 ** 52, outgoing_bytes_total: 4_000 },
      ...{ active_connections: 3, inactive_connections: 4, draining: 1, kernel_weight: 2 },
    };
    for (const [name, value] of Object.entries(expected))
      assert.equal(sampleValue(seen, `heye_real_server_${name}`, one), value, name);
    assert.equal(sampleValue(seen, "heye_virtual_server_incoming_bytes_total"), 7_000);
    assert.equal(sampleValue(seen, "heye_virtual_server_sorry_serving"), 1);
    assert.equal(sampleValue(seen, "heye_virtual_server_quorum_weight"), 2);
    const told = seen.samples.filter(({ labels }) => labels.real_server === "10.0.0.2:80");
    assert.deepEqual(
      told.map(({ name }) => name),
      ["heye_real_server_configured_weight", "heye_real_server_effective_weight"],
    );
    assert.deepEqual([...seen.types.keys()].sort(), [...SERVER_METRICS].sort());
  });

  it("knows the size of the connection table from procfs", () => {
    assert.equal(bucketsOf("IP Virtual Server version 1.2.1 (size=4096)\nProt Local"), 4_096);
    assert.equal(bucketsOf("something else"), undefined);
  });
});
