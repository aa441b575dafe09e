import assert from "node:assert/strict";
import { directDial } from "../../health";
import { wantedOf } from "../../kubernetes";
import { Checks } from "../../kubernetes/checks";
import type { Verdict } from "../../kubernetes/plan";
import { endpointsOf } from "./kubernetes-objects";
import { LoopbackServer } from "./loopback-server";

const INTERVAL_MS = 100;

/** Endpoints of one server on loopback, and what is asked of it. */
function followed(port: number, isReady: boolean) {
  const check = { type: "tcp", port, intervalMs: INTERVAL_MS, rise: 4, fall: 4 };
  const place = ["127.0.0.1"];
  const annotations = { "heye.io/health-check": JSON.stringify(check) };
  const subject = endpointsOf(isReady ? place : [], isReady ? [] : place, annotations);
  const wanted = wantedOf(subject, { service: { hasSelector: false, ports: ["http"] } });
  return new Map([["Endpoints shop/web", { subject, wanted }]]);
}

describe("what checks say of a server that was just taken over", () => {
  let server: LoopbackServer;
  let checks: Checks;
  let changes: boolean[];

  beforeEach(async () => {
    server = await LoopbackServer.up();
    changes = [];
    checks = new Checks(directDial(), (_, __, { healthy }) => changes.push(healthy));
  });
  afterEach(async () => {
    await checks.stop();
    await server.kill();
  });

  /** Verdicts as they come, until so many checks have ended since. */
  async function verdictsFor(count: number): Promise<Set<Verdict["healthy"] | undefined>> {
    const [key = ""] = followed(server.port, true).values().next().value?.wanted.probes.keys() ?? [];
    const seen = new Set<boolean | undefined>();
    const end = checks.counters.checks + count + 1;
    while (checks.counters.checks < end) {
      seen.add(checks.verdict(key)?.healthy);
      await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS / 10));
    }
    return seen.add(checks.verdict(key)?.healthy);
  }

  it("nothing before one has confirmed what the object says", async () => {
    checks.follow(followed(server.port, true));
    assert.deepEqual(await verdictsFor(1), new Set([undefined, true]));
    assert.deepEqual([await verdictsFor(2), changes], [new Set([true]), []]);
  });

  it("nothing before as many have contradicted it as it takes", async () => {
    await server.kill();
    checks.follow(followed(server.port, true));
    assert.deepEqual(await verdictsFor(5), new Set([undefined, false]));
    assert.deepEqual(changes, [false]);
  });

  it("nothing by a copy that was late: when the object comes as its last owner wrote it, that is begun with", async () => {
    await server.kill();
    checks.follow(followed(server.port, true));
    assert.deepEqual(await verdictsFor(1), new Set([undefined]));
    checks.follow(followed(server.port, false));
    assert.deepEqual(await verdictsFor(2), new Set([undefined, false]));
    assert.deepEqual(changes, [], "it was known to be down");
  });

  it("what they have confirmed stands, though nobody asked meanwhile and another answer has come since", async () => {
    const endOf = async (count: number) => {
      while (checks.counters.checks - checks.counters.running < count)
        await new Promise((resolve) => setTimeout(resolve, 1));
    };
    await server.kill();
    checks.follow(followed(server.port, false));
    await endOf(2);
    await server.revive();
    await endOf(checks.counters.checks + 1);
    // Somebody applies the object again, all ready.
    checks.follow(followed(server.port, true));
    const [key = ""] = followed(server.port, true).values().next().value?.wanted.probes.keys() ?? [];
    assert.equal(checks.verdict(key)?.healthy, false);
  });

  it("and what they have confirmed stands against an object that somebody edits", async () => {
    checks.follow(followed(server.port, true));
    await verdictsFor(1);
    checks.follow(followed(server.port, false));
    assert.deepEqual(await verdictsFor(2), new Set([true]));
  });
});
