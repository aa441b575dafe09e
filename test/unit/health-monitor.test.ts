import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { type Dial, directDial, Monitor, type Probe, probeKey, type ServerHealth } from "../../health";
import { serve, settings } from "./health-server";

const UP: ServerHealth = { healthy: true, streak: 0, since: 1, answer: "as it was kept", at: 0 };
const DOWN: ServerHealth = { ...UP, healthy: false };

/** A monitor for as long as a test runs, and what it has told. */
async function monitored(
  test: (monitor: Monitor, told: string[]) => Promise<void>,
  dial: Dial = directDial(),
): Promise<void> {
  const told: string[] = [];
  const onTransition = (_: string, { healthy }: ServerHealth) => void told.push(healthy ? "up" : "down");
  const monitor = new Monitor({ dial, onTransition, random: () => 0 });
  try {
    await test(monitor, told);
  } finally {
    await monitor.stop();
  }
}

const until = async (holds: () => boolean) => {
  for (let waits = 0; !holds() && waits < 1_000; waits++) await delay(5);
  assert.ok(holds(), `never: ${holds}`);
};

const keyed = (...probes: Probe[]) => new Map(probes.map((probe) => [probeKey(probe), probe]));
const tcp = (port: number, more: object = {}): Probe => ({
  check: settings({ type: "tcp", intervalMs: 10, ...more }),
  target: { address: "127.0.0.1", port },
});
/** Nothing listens on port 1. */
const CLOSED = 1;

describe("a monitor", () => {
  it("takes a server out after `fall` failures and back after `rise` successes, and tells of both", () => {
    let alive = true;
    const server = http.createServer((_, response) => response.writeHead(alive ? 200 : 503).end());
    return serve(server, (target) =>
      monitored(async (monitor, told) => {
        const probe = { check: settings({ type: "http", intervalMs: 10, rise: 3, fall: 2 }), target };
        const key = probeKey(probe);
        monitor.watch(keyed(probe), () => UP);
        await until(() => monitor.counters.checks > 2);
        assert.deepEqual(told, []);
        alive = false;
        await until(() => told.length > 0);
        alive = true;
        await until(() => told.length > 1);
        assert.deepEqual(told, ["down", "up"]);
        assert.equal(monitor.health(key)?.healthy, true);
        assert.equal(monitor.health(key)?.answer, "HTTP 200");
        const { results = [], transitions = [] } = monitor.history(key) ?? {};
        assert.deepEqual(
          transitions.map(({ healthy, answer }) => [healthy, answer]),
          [
            [false, "HTTP 503"],
            [true, "HTTP 200"],
          ],
        );
        assert.ok(results.length <= 20 && results.every(({ tookMs, at }) => tookMs >= 0 && at > 0));
        const { failures, transitions: count } = monitor.counters;
        assert.deepEqual([failures >= 2, count], [true, 2]);
      }),
    );
  });

  const ill: [string, (socket: net.Socket) => void, RegExp][] = [
    ["accepts and never answers", () => undefined, /^no answer within 30 ms$/],
    ["resets", (socket) => socket.resetAndDestroy(), /closed the connection without an answer|ECONNRESET/],
  ];
  for (const [what, behaviour, answer] of ill) {
    it(`takes a server out that ${what}`, () => {
      const server = net.createServer((socket) => behaviour(socket.on("error", () => undefined)));
      return serve(server, (target) =>
        monitored(async (monitor, told) => {
          const probe = { check: settings({ type: "http", timeoutMs: 30 }), target };
          monitor.watch(keyed(probe), () => UP);
          await until(() => told.length > 0);
          assert.deepEqual(told, ["down"]);
          assert.match(monitor.health(probeKey(probe))?.answer ?? "", answer);
        }),
      );
    });
  }

  it("leaves a server as it is that answers differently each time", () => {
    let answers = 0;
    const server = http.createServer((_, response) => response.writeHead(answers++ % 2 ? 503 : 200).end());
    return serve(server, (target) =>
      monitored(async (monitor, told) => {
        const [up, down] = [2, 3].map((rise) => ({ check: settings({ type: "http", rise }), target }));
        assert.ok(up && down);
        // One alone: two would share the server's answers among them.
        for (const [probe, health] of [[up, UP] as const, [down, DOWN] as const]) {
          monitor.watch(keyed(probe), () => health);
          const before = monitor.counters.checks;
          await until(() => monitor.counters.checks > before + 30);
        }
        assert.deepEqual(told, []);
        assert.ok(monitor.counters.failures > 20);
      }),
    );
  });

  it("goes on with probes that stay, begins with new ones and ends those that are gone", () =>
    monitored(async (monitor) => {
      const stays = tcp(CLOSED, { fall: 100 });
      const goes = tcp(CLOSED, { fall: 99 });
      const comes = tcp(CLOSED, { fall: 98, intervalMs: 20_000 });
      monitor.watch(keyed(stays, goes), () => UP);
      await until(() => (monitor.health(probeKey(stays))?.streak ?? 0) > 3);
      const before = monitor.health(probeKey(stays));
      const asked: string[] = [];
      monitor.watch(keyed(stays, comes), (key) => {
        asked.push(key);
        return DOWN;
      });
      assert.deepEqual(asked, [probeKey(comes)]);
      assert.equal(monitor.health(probeKey(stays)), before);
      assert.equal(monitor.health(probeKey(comes)), DOWN);
      assert.equal(monitor.health(probeKey(goes)), undefined);
      assert.equal(monitor.history(probeKey(goes)), undefined);
      await until(() => (monitor.health(probeKey(stays))?.streak ?? 0) > (before?.streak ?? 0) + 3);
    }));

  it("drops the result of a check whose probe is gone, and closes its connection", () => {
    let closed = false;
    const server = net.createServer((socket) => {
      socket
        .on("error", () => undefined)
        .on("close", () => {
          closed = true;
        });
    });
    return serve(server, (target) =>
      monitored(async (monitor, told) => {
        const probe = { check: settings({ type: "http", timeoutMs: 60_000, fall: 1 }), target };
        monitor.watch(keyed(probe), () => UP);
        await once(server, "connection");
        assert.equal(monitor.counters.running, 1);
        monitor.watch(new Map(), () => UP);
        assert.equal(monitor.counters.running, 0);
        await until(() => closed);
        assert.deepEqual(told, []);
      }),
    );
  });

  // keepalived#2358: one check for each address of the same server.
  it("makes one check for virtual servers that want to know the same", () => {
    let asked = 0;
    const server = http.createServer((_, response) => {
      asked++;
      response.end();
    });
    return serve(server, (target) =>
      monitored(async (monitor) => {
        const probe = { check: settings({ type: "http", intervalMs: 10 }), target };
        const same = { check: { ...probe.check, deadlineMs: 5, forwardingCheck: false }, target };
        monitor.watch(keyed(probe, same), () => UP);
        await until(() => monitor.counters.checks >= 5);
        await monitor.stop();
        assert.ok(asked <= monitor.counters.checks, `${asked} of ${monitor.counters.checks}`);
      }),
    );
  });

  // keepalived#2523: a checker that had stood still for a day, and nobody was told.
  it("gives up a check that does not end, counts it as failed, and goes on", () => {
    const dials: AbortSignal[] = [];
    const deaf: Dial = (_, signal) => {
      dials.push(signal);
      return new Promise(() => undefined);
    };
    return monitored(async (monitor, told) => {
      const probe = tcp(CLOSED, { timeoutMs: 1, fall: 1 });
      monitor.watch(keyed(probe), () => UP);
      await until(() => monitor.counters.checks > 1);
      assert.deepEqual(told, ["down"]);
      assert.match(
        monitor.health(probeKey(probe))?.answer ?? "",
        /did not end within \d+ ms, and was given up/,
      );
      const { overdue, failures } = monitor.counters;
      assert.deepEqual([overdue, failures, dials[0]?.aborted], [1, 1, true]);
    }, deaf);
  });

  it("takes no server out because the director itself stood still", () => {
    const server = http.createServer((_, response) => response.end());
    return serve(server, (target) =>
      monitored(async (monitor, told) => {
        const check = settings({ type: "http", timeoutMs: 50, intervalMs: 10, fall: 1 });
        monitor.watch(keyed({ check, target }), () => UP);
        for (let stops = 0; stops < 3; stops++) {
          const { checks } = monitor.counters;
          await until(() => monitor.counters.checks > checks && monitor.counters.running === 1);
          const end = performance.now() + 1_500;
          while (performance.now() < end);
        }
        assert.deepEqual([told, monitor.counters.overdue], [[], 0]);
      }),
    );
  });

  it("takes no server out because the director itself has run out of something", () => {
    const server = net.createServer((socket) => socket.on("error", () => undefined));
    return serve(server, (target) =>
      // No host has this address, so none of its own can go out from there.
      monitored(
        async (monitor, told) => {
          const probe = { check: settings({ type: "tcp", intervalMs: 10, fall: 1 }), target };
          monitor.watch(keyed(probe), () => UP);
          await until(() => monitor.counters.inconclusive > 3);
          assert.deepEqual([told, monitor.counters.failures], [[], 0]);
          assert.equal(monitor.health(probeKey(probe))?.answer, "cannot connect: EADDRNOTAVAIL");
        },
        directDial({ sourceAddress: "192.0.2.1" }),
      ),
    );
  });

  it("never begins a check of a probe while another of its own is being made", () => {
    let open = 0;
    let most = 0;
    const slow: Dial = async () => {
      most = Math.max(most, ++open);
      await delay(30);
      open--;
      throw new Error("slow");
    };
    return monitored(async (monitor) => {
      monitor.watch(keyed(tcp(CLOSED, { intervalMs: 5 })), () => DOWN);
      await until(() => monitor.counters.checks > 5);
      assert.equal(most, 1);
    }, slow);
  });

  // keepalived#2271: an interval of 3 s that was 7 s.
  it("counts checks that begin late, does not make up for what it missed, and stays spread", async () => {
    let jumpMs = 0;
    const refuse: Dial = () => Promise.reject(new Error("no"));
    const clock = { monotonicMs: () => performance.now() + jumpMs, wallMs: () => 7 };
    const monitor = new Monitor({ dial: refuse, onTransition: () => undefined, clock, random: () => 0 });
    const probes = Array.from({ length: 20 }, (_, index) => tcp(index + 1, { intervalMs: 400 }));
    monitor.watch(keyed(...probes), () => DOWN);
    await until(() => monitor.counters.checks >= 20 && monitor.counters.running === 0);
    const { late, checks } = monitor.counters;
    jumpMs = 10_000;
    const jumped = performance.now();
    const begunBy = () => monitor.counters.checks - checks;
    // One each at once. From then on, however slow this machine is, none begins before its own place in the interval.
    for (const begun of [20, 30, 50]) {
      await until(() => begunBy() >= begun);
      assert.ok(begunBy() <= 23 + (20 * (performance.now() - jumped)) / 400, `${begunBy()} at ${begun}`);
    }
    assert.ok(monitor.counters.late > late);
    assert.ok(probes.every((probe) => monitor.health(probeKey(probe))?.at === 7));
    await monitor.stop();
  });

  it("spreads probes that are declared at once over their interval", () => {
    const begun: number[] = [];
    const dial: Dial = async () => {
      begun.push(performance.now());
      throw new Error("no");
    };
    return monitored(async (monitor) => {
      const probes = Array.from({ length: 100 }, (_, index) => tcp(index + 1, { intervalMs: 1_000 }));
      const declared = performance.now();
      monitor.watch(keyed(...probes), () => DOWN);
      await until(() => monitor.counters.checks >= 100);
      // However slow this machine is: none can have begun before its time.
      for (const part of [0.25, 0.5, 0.75]) {
        const begunBy = begun.filter((at) => at - declared < part * 1_000).length;
        assert.ok(begunBy <= part * 100 + 5, `${begunBy} of 100 within ${part} of the interval`);
      }
    }, dial);
  });

  it("waits after a failure as long as `retryMs` says", () =>
    monitored(async (monitor) => {
      const [patient, eager] = [
        { intervalMs: 1, retryMs: 60_000 },
        { intervalMs: 20_000, warmupMs: 1, retryMs: 1 },
      ];
      monitor.watch(keyed(tcp(CLOSED, patient)), () => DOWN);
      await until(() => monitor.counters.failures === 1);
      await delay(100);
      assert.equal(monitor.counters.checks, 1);
      monitor.watch(keyed(tcp(CLOSED, eager)), () => DOWN);
      await until(() => monitor.counters.checks > 3);
    }));

  it("makes the first check within `warmupMs`, and the others when they are due", () =>
    monitored(async (monitor) => {
      const pace = { intervalMs: 20_000, warmupMs: 0 };
      monitor.watch(keyed(...[1, 2, 3].map((port) => tcp(port, pace))), () => DOWN);
      await until(() => monitor.counters.checks === 3);
      await delay(100);
      assert.equal(monitor.counters.checks, 3);
    }));

  it("holds up no end of the process when it is stopped", () => {
    const server = net.createServer((socket) => socket.on("error", () => undefined));
    return serve(server, async ({ port }) => {
      const { stdout } = await promisify(execFile)(process.execPath, ["-e", PROGRAM, String(port)], {
        cwd: join(__dirname, "..", ".."),
        timeout: 30_000,
      });
      assert.equal(stdout, "3 running, 0 running\n");
    });
  });
});

/** A process that would never end by itself if anything stayed open: its server does not answer. */
const PROGRAM = `
  const { Monitor, directDial, probeKey } = require("./health");
  const { healthCheck } = require("./spec");
  const target = { address: "127.0.0.1", port: Number(process.argv[1]) };
  const check = (fall) => healthCheck.parse({ type: "http", intervalMs: 10, timeoutMs: 3_600_000, fall });
  const probes = [1, 2, 3].map((fall) => ({ check: check(fall), target }));
  const monitor = new Monitor({ dial: directDial(), onTransition: () => undefined });
  monitor.watch(new Map(probes.map((probe) => [probeKey(probe), probe])), () => ({ healthy: true, streak: 0 }));
  setTimeout(async () => {
    const { running } = monitor.counters;
    await monitor.stop();
    console.log(running + " running, " + monitor.counters.running + " running");
  }, 300);
`;
