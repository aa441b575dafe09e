import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { readHealthRecord } from "../../agent/health-record";
import { keyOf, registrations } from "../../agent/probes";
import { Changes } from "../../bench/api/changes";
import { Declared } from "../../bench/api/declared";
import { allDownText, registryText } from "../../bench/checked";
import { Arrivals } from "../../bench/guest/arrivals";
import { countTakers, parseProcTable } from "../../bench/guest/kernel-table";
import { looksIn } from "../../bench/guest/looks";
import { keepalivedConf } from "../../bench/keepalived-conf";
import { servicesOf } from "../../bench/plan";
import { cpuSeconds, cpuSecondsWithEnded, peakMegabytes, treeOf } from "../../bench/proc";
import { largestRate } from "../../bench/rate/search";
import { recordOf } from "../../bench/record";
import { parseRegistry } from "../../director/data";

const PACE = { intervalMs: 1_500, timeoutMs: 800, fall: 3 };
const PROC = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0AC80000:0050 wrr 
  -> 0A640000:0050      Masq    1      0          0         
  -> 0A650000:1F90      Masq    0      12         7         
TCP  0AC80001:0050 wrr persistent 60 FFFFFFFF
`;

describe("benches of daemons", () => {
  it("keepalived is told of the same servers and the same pace: a retry less than failures, in seconds", () => {
    const [service] = servicesOf({ virtualServers: 1, servers: 1 });
    assert.ok(service);
    assert.equal(
      keepalivedConf([service], PACE),
      `virtual_server 10.200.0.0 80 {
  delay_loop 1.5
  lb_algo wrr
  lb_kind NAT
  protocol TCP
  real_server 10.100.0.0 80 {
    weight 1
    TCP_CHECK {
      connect_timeout 0.8
      retry 2
      delay_before_retry 1.5
    }
  }
}
`,
    );
  });

  it("keepalived checks first where that is agreed: with alpha, and otherwise the same file", () => {
    const services = servicesOf({ virtualServers: 2, servers: 1 });
    const lines = keepalivedConf(services, { ...PACE, checkedFirst: true }).split("\n");
    const isAlpha = (line: string) => line === "  alpha";
    assert.equal(lines.filter(isAlpha).length, 2);
    assert.equal(lines.filter((line) => !isAlpha(line)).join("\n"), keepalivedConf(services, PACE));
  });

  it("an agent finds written down that every server of its registry is down, and every quorum lost", () => {
    const services = servicesOf({ virtualServers: 3, servers: 2 });
    const registry = parseRegistry(registryText(services, PACE));
    assert.ok(registry);
    const all = [...registrations(registry)];
    const probes = all.flatMap(([, one]) => one.members.map((member) => keyOf(one, member)));
    const record = readHealthRecord(allDownText(services, PACE));
    assert.ok(record);
    assert.deepEqual(new Set(Object.keys(record.down)), new Set(probes));
    assert.equal(probes.length, 6);
    assert.ok(Object.values(record.down).every(({ healthy }) => !healthy));
    assert.deepEqual(new Set(record.lost), new Set(all.map(([key]) => key)));
  });

  it("an agent finds every virtual server of a plan in its registry, checked at that pace", () => {
    const owners = Object.values(
      parseRegistry(registryText(servicesOf({ virtualServers: 20, servers: 3 }), PACE))?.owners ?? {},
    );
    const registered = owners.flatMap(({ virtualServers }) => Object.values(virtualServers));
    assert.equal(registered.length, 20);
    assert.deepEqual(new Set(registered.map(({ members }) => members.length)), new Set([3]));
    const { healthCheck } = registered[0] ?? {};
    assert.ok(healthCheck?.type === "tcp");
    assert.deepEqual([healthCheck.intervalMs, healthCheck.timeoutMs, healthCheck.fall], [1_500, 800, 3]);
  });

  it("the kernel's own table is read as it stands", () => {
    assert.deepEqual(parseProcTable(PROC), [
      {
        service: "10.200.0.0:80",
        entries: [
          { server: "10.100.0.0:80", weight: 1 },
          { server: "10.101.0.0:8080", weight: 0 },
        ],
      },
      { service: "10.200.0.1:80", entries: [] },
    ]);
  });

  it("servers are counted that are sent new connections, and no others", () => {
    assert.equal(countTakers(PROC), 1);
    assert.equal(countTakers(""), 0);
  });

  it("a check is late when its server has waited a tenth longer than the interval, whether or not it comes", () => {
    const arrivals = new Arrivals(["a", "b", "c"], 1_000, 0);
    for (const [server, atMs] of [
      ["a", 400],
      ["b", 500],
      ["c", 600],
    ] as const)
      arrivals.arrived(server, atMs);
    arrivals.begin();
    arrivals.arrived("a", 1_500);
    arrivals.arrived("b", 1_601);
    assert.deepEqual(arrivals.end(1_700), { checks: 2, late: 1, due: 2 });
    assert.deepEqual(arrivals.end(1_701), { checks: 2, late: 2, due: 3 });
  });

  it("how often an agent has looked, and how long it took, is in its metrics, or the bench ends", () => {
    const text = `# TYPE heye_reconcile_duration_seconds histogram
heye_reconcile_duration_seconds_bucket{le="+Inf"} 12
heye_reconcile_duration_seconds_sum 0.75
heye_reconcile_duration_seconds_count 12
`;
    assert.deepEqual(looksIn(text), { count: 12, sumS: 0.75 });
    assert.throws(() => looksIn(text.replaceAll("reconcile", "other")), /does not tell/);
  });

  it("the largest rate is found to a twentieth, and is what was reached there", async () => {
    const tried: number[] = [];
    const limit = 7_300;
    const found = await largestRate(1_000, async (rate) => {
      tried.push(rate);
      return rate <= limit ? rate - 1 : undefined;
    });
    assert.ok(found <= limit && found > limit / 1.06, `${found}`);
    assert.ok(tried.length < 12, tried.join(" "));
    assert.equal(await largestRate(1_000, async () => undefined), 0);
    const quick: number[] = [];
    const keepsAll = async (rate: number) => {
      quick.push(rate);
      return rate;
    };
    assert.equal(await largestRate(200, keepsAll, 400), 400);
    assert.deepEqual(quick, [200, 300, 400]);
  });

  it("where there is to be none at all every round counts, with a peer or without", () => {
    const here = { at: "", commit: "", machine: "", quick: false };
    const counted = { name: "a/b", unit: "count", against: "a peer", aim: 0 } as const;
    assert.equal(recordOf({ ...counted, ours: [0, 0, 0], peer: [0, 0, 0] }, here).met, true);
    assert.equal(recordOf({ ...counted, ours: [0, 0, 1], peer: [5, 5, 5] }, here).met, false);
    assert.equal(recordOf({ ...counted, ours: [0, 0, 0], peer: [] }, here).met, true);
  });

  it("a daemon's processes are counted with those that have ended", async () => {
    // Keeps a processor busy in a child that ends, and then waits.
    const busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
    const shell = spawn("sh", ["-c", `sh -c '${busy}'; sleep 30 & echo; wait`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(shell.stdout, "data");
    const pid = shell.pid ?? 0;
    try {
      assert.ok(cpuSecondsWithEnded(pid) > cpuSeconds(pid));
      assert.equal(treeOf(pid).length, 2);
      assert.ok(peakMegabytes(pid) > 0);
      assert.ok(treeOf(process.pid).includes(pid));
    } finally {
      for (const one of treeOf(pid)) process.kill(one);
      await once(shell, "close");
    }
  });
});

describe("clients of an agent's API", () => {
  it("miss what was declared last: another weight, a server that is gone, one that nobody declared", () => {
    const [service] = servicesOf({ virtualServers: 1, servers: 2 });
    assert.ok(service);
    const [first] = service.members;
    assert.ok(first);
    const declared = new Declared([service]);
    const [a, b] = ["10.200.0.0:80 10.100.0.0:80", "10.200.0.0:80 10.101.0.0:80"] as const;
    const wrong = (...found: [string, number][]) => declared.wrongIn(new Map(found));
    assert.equal(wrong([a, 1], [b, 1]), 0);
    declared.set(service, first, 7);
    assert.equal(wrong([a, 1], [b, 1]), 1);
    assert.equal(wrong([a, 7]), 1);
    assert.equal(wrong([a, 7], [b, 1], ["10.200.0.0:80 10.102.0.0:80", 1]), 1);
    assert.equal(wrong([a, 7], [b, 1]), 0);
  });

  it("change a server's weights one after the other, each time to another one", async () => {
    const services = servicesOf({ virtualServers: 2, servers: 2 });
    const [open, last] = [new Set<string>(), new Map<string, string>()];
    const changer = {
      isThere: async () => false,
      change: async (_: string, path: string, body?: object) => {
        assert.ok(!open.has(path), `${path} is being changed already`);
        const weight = JSON.stringify(body);
        assert.notEqual(last.get(path), weight, `${path} has that weight`);
        open.add(path);
        last.set(path, weight);
        await delay(60);
        open.delete(path);
        return { status: 200, text: "" };
      },
    };
    await new Changes(services, undefined, new Declared(services), changer).until(performance.now() + 1_500);
    assert.equal(last.size, 4, "every server has its turn");
  });

  it("let a server leave for good before it comes back, and bring it back at the end", async () => {
    const services = servicesOf({ virtualServers: 2, servers: 2 });
    const [busy, ...others] = services;
    const moves: string[] = [];
    let looks = 0;
    const changer = {
      // It drains while it is asked for twice.
      isThere: async () => moves.at(-1) === "DELETE" && looks++ % 3 < 2,
      change: async (method: string) => {
        if (method === "POST") assert.equal(looks % 3, 0, "it has not left yet");
        if (method !== "PUT") moves.push(method);
        return { status: method === "DELETE" ? 202 : 200, text: "" };
      },
    };
    const changes = new Changes(others, busy, new Declared(services), changer);
    await changes.until(performance.now() + 100);
    assert.deepEqual([moves, changes.moves, looks], [["DELETE", "POST"], 2, 3]);
    const refused = { ...changer, change: async () => ({ status: 409, text: "there already" }) };
    await assert.rejects(
      new Changes(others, busy, new Declared(services), refused).until(performance.now() + 100),
      /409 there already/,
    );
  });
});
