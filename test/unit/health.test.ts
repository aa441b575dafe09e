import assert from "node:assert/strict";
import { constants, generateKeyPairSync, privateDecrypt } from "node:crypto";
import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { type Dial, nextStreak, runCheck, waitUntilHealthy } from "../../health";
import { dial, never, serve, settings } from "./health-server";
import { greeting, ok, packet, refusal, SALT, table } from "./mysql-packets";

describe("http check", () => {
  for (const [status, healthy] of [
    [200, true],
    [204, true],
    [302, true],
    [399, true],
    [404, false],
    [500, false],
    [503, false],
  ] as const) {
    it(`${status} is ${healthy ? "healthy" : "not healthy"}`, () =>
      serve(
        http.createServer((_, response) => response.writeHead(status).end()),
        async (target) =>
          assert.deepEqual(await runCheck(settings({ type: "http" }), target, dial, never), {
            healthy,
            answer: `HTTP ${status}`,
          }),
      ));
  }

  it("asks for what it was told to", () =>
    serve(
      http.createServer(({ method, url, headers }, response) => {
        const right = method === "GET" && url === "/live?deep=1" && headers.host === "shop.example";
        response.writeHead(right ? 200 : 400).end();
      }),
      async (target) => {
        const check = settings({ type: "http", method: "GET", path: "/live?deep=1", host: "shop.example" });
        assert.equal((await runCheck(check, target, dial, never)).answer, "HTTP 200");
      },
    ));

  it("goes to the port it was told to", () =>
    serve(
      http.createServer((_, response) => response.end()),
      async ({ address, port }) => {
        assert.equal(
          (await runCheck(settings({ type: "http", port }), { address, port: 1 }, dial, never)).healthy,
          true,
        );
      },
    ));

  const bad: [string, (socket: net.Socket) => void, RegExp, timeoutMs?: number][] = [
    [
      "closes without an answer",
      (socket) => socket.end(),
      /closed the connection without an answer|socket hang up/,
    ],
    [
      "resets",
      (socket) => socket.once("data", () => socket.resetAndDestroy()),
      /closed the connection without an answer/,
    ],
    ["speaks something else", (socket) => socket.end("SSH-2.0-OpenSSH\r\n"), /not HTTP/],
    ["accepts and never answers", () => undefined, /no answer within 100 ms/, 100],
  ];
  for (const [what, behaviour, answer, timeoutMs = 20_000] of bad) {
    it(`a server that ${what} is not healthy`, () =>
      serve(
        net.createServer((socket) => behaviour(socket.on("error", () => undefined))),
        async (target) => {
          const result = await runCheck(settings({ type: "http", timeoutMs }), target, dial, never);
          assert.equal(result.healthy, false);
          assert.match(result.answer, answer);
        },
      ));
  }
});

describe("tcp check", () => {
  it("a server that accepts is healthy", () =>
    serve(
      net.createServer((socket) => socket.on("error", () => undefined)),
      async (target) => {
        assert.equal((await runCheck(settings({ type: "tcp" }), target, dial, never)).healthy, true);
      },
    ));

  for (const code of ["ENETUNREACH", "EHOSTUNREACH", "EACCES", "EINVAL", "EMFILE"]) {
    it(`says nothing of the server where this host's own system said ${code}`, async () => {
      const failing = (cause: object) => () =>
        Promise.reject(new Error(`cannot connect: ${code}`, "code" in cause ? { cause } : {}));
      const ask = (cause: object) =>
        runCheck(settings({ type: "tcp" }), { address: "127.0.0.1", port: 1 }, failing(cause), never);
      assert.equal((await ask({ code })).inconclusive, true);
      assert.equal((await ask({})).inconclusive, undefined);
    });
  }

  it("a port that refuses is not, and says so", async () => {
    const result = await runCheck(settings({ type: "tcp" }), { address: "127.0.0.1", port: 1 }, dial, never);
    assert.deepEqual(result, { healthy: false, answer: "cannot connect: ECONNREFUSED" });
  });
});

describe("mysql check", () => {
  const GREETING = greeting("mysql_native_password");

  /** Greets late, takes any login, and notes what it is told. */
  const slowServer = (
    delayMs: number,
    test: (target: { address: string; port: number }, heard: string[]) => Promise<void>,
  ): Promise<void> => {
    const heard: string[] = [];
    const server = net.createServer((socket) => {
      setTimeout(() => socket.write(GREETING), delayMs);
      socket.on("error", () => undefined);
      socket.on("data", (data) => {
        const command = data[3] === 0 ? data[4] : "login";
        heard.push(command === 1 ? "quit" : command === 3 ? "query" : "login");
        if (command === 1) socket.end();
        else socket.write(ok((data[3] ?? 0) + 1));
      });
    });
    return serve(server, (target) => test(target, heard));
  };
  const check = settings({ type: "mysql", user: "heye", timeoutMs: 100 });
  const until = async (holds: () => boolean) => {
    for (let waits = 0; !holds() && waits < 200; waits++) await delay(10);
  };

  it("a server that logs in and answers is healthy, and is left in order", () =>
    slowServer(0, async (target, heard) => {
      assert.deepEqual(await runCheck({ ...check, timeoutMs: 30_000 }, target, dial, never), {
        healthy: true,
        answer: "MySQL login and query succeeded",
      });
      await until(() => heard.includes("quit"));
      assert.deepEqual(heard, ["login", "query", "quit"]);
    }));

  it("a server that is too slow is not healthy, but its handshake is not cut off", () =>
    slowServer(300, async (target, heard) => {
      let stream: Duplex | undefined;
      const watched: Dial = async ({ address, port }) => {
        stream = net.connect({ host: address, port });
        await once(stream, "connect");
        return stream;
      };
      assert.deepEqual(await runCheck(check, target, watched, never), {
        healthy: false,
        answer: "no answer within 100 ms",
      });
      assert.deepEqual([stream?.destroyed, heard], [false, []]);
      await until(() => heard.includes("quit"));
      assert.deepEqual(heard, ["login", "quit"]);
      await until(() => stream?.destroyed === true);
      assert.equal(stream?.destroyed, true);
    }));

  it("logs in with MySQL's own way of today without TLS, and without the password in the clear", () => {
    const password = "s3cret";
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const heard: Buffer[] = [];
    const server = net.createServer((socket) => {
      socket.on("error", () => undefined).write(greeting("caching_sha2_password"));
      const answers = [
        packet(2, [1, 4]),
        packet(4, [1], publicKey.export({ type: "spki", format: "pem" }) as string),
        ok(6),
        ok(1),
      ];
      socket.on("data", (data) => {
        heard.push(data);
        const answer = answers.shift();
        if (answer) socket.write(answer);
      });
    });
    return serve(server, async (target) => {
      const login = settings({ type: "mysql", user: "heye", password });
      assert.equal((await runCheck(login, target, dial, never)).answer, "MySQL login and query succeeded");
      assert.doesNotMatch(Buffer.concat(heard).toString("latin1"), new RegExp(password));
      const padding = constants.RSA_PKCS1_OAEP_PADDING;
      const opened = privateDecrypt({ key: privateKey, padding }, heard[2]?.subarray(4) ?? Buffer.of());
      const plain = Buffer.from(opened.map((byte, index) => byte ^ SALT.charCodeAt(index % SALT.length)));
      assert.equal(plain.toString("latin1"), `${password}\0`);
    });
  });

  it("says that a server refuses, on one line, without the password that the server sends back", () =>
    serve(
      net.createServer((socket) => {
        socket.on("error", () => undefined).write(greeting("mysql_native_password"));
        socket.once("data", () => socket.end(packet(2, [0xff, 0x15, 0x04], "#28000no\nentry with s3cret")));
      }),
      async (target) => {
        const login = settings({ type: "mysql", user: "heye", password: "s3cret" });
        assert.deepEqual(await runCheck(login, target, dial, never), {
          healthy: false,
          answer: "no entry with [secret]",
        });
      },
    ));

  it("without a user a server that refuses the login is healthy, and one that refuses more is not", async () => {
    const anonymous = settings({ type: "mysql" });
    const refusing = (code: number, words: string) =>
      net.createServer((socket) => {
        socket.on("error", () => undefined).write(greeting("mysql_native_password"));
        socket.once("data", () => socket.end(refusal(2, code, words)));
      });
    await serve(refusing(1045, "Access denied"), async (target) =>
      assert.deepEqual(await runCheck(anonymous, target, dial, never), {
        healthy: true,
        answer: "MySQL asks for a login",
      }),
    );
    await serve(refusing(1040, "Too many connections"), async (target) =>
      assert.deepEqual(await runCheck(anonymous, target, dial, never), {
        healthy: false,
        answer: "Too many connections",
      }),
    );
  });

  it("a server whose answer does not end is not healthy, and not listened to any longer", () => {
    let closed = false;
    const row = Buffer.alloc(60_000, 1);
    const server = net.createServer((socket) => {
      socket
        .on("error", () => undefined)
        .on("close", () => {
          closed = true;
        });
      socket.write(GREETING);
      socket.once("data", () => {
        socket.write(ok(2));
        socket.once("data", () => {
          let sequence = 4;
          const say = () => {
            if (!socket.destroyed && socket.write(packet(sequence++ % 256, row))) setImmediate(say);
          };
          socket.write(table(["a"]).subarray(0, -9));
          socket.on("drain", say);
          say();
        });
      });
    });
    return serve(server, async (target) => {
      const patient = settings({ type: "mysql", user: "heye", timeoutMs: 5_000 });
      const { healthy, answer } = await runCheck(patient, target, dial, never);
      assert.deepEqual([healthy, answer], [false, "said more than 1024 KiB"]);
      await until(() => closed);
      assert.ok(closed);
    });
  });

  it("a server that closes without a greeting is not healthy", () =>
    serve(
      net.createServer((socket) => socket.end()),
      async (target) => assert.equal((await runCheck(check, target, dial, never)).healthy, false),
    ));
});

describe("waiting until healthy", () => {
  /** Answers in this order, the last one for ever. */
  const answering = (answers: readonly number[]) => {
    let calls = 0;
    return http.createServer((_, response) =>
      response.writeHead(answers[Math.min(calls++, answers.length - 1)] ?? 500).end(),
    );
  };

  it("takes as many successes in a row as `rise` says", () =>
    serve(answering([200, 503, 200, 200, 503, 200, 200, 200]), async (target) => {
      const verdict = await waitUntilHealthy(settings({ type: "http", rise: 3 }), target, dial);
      assert.deepEqual(verdict, { healthy: true, answer: "HTTP 200", checks: 8 });
    }));

  it("waits after a failure as long as `retryMs` says", () =>
    serve(answering([503, 200]), async (target) => {
      const check = settings({ type: "http", rise: 1, intervalMs: 20_000, retryMs: 1 });
      assert.equal((await waitUntilHealthy(check, target, dial)).checks, 2);
    }));

  it("ends at the deadline with the last answer", () =>
    serve(answering([200, 503]), async (target) => {
      const verdict = await waitUntilHealthy(settings({ type: "http", deadlineMs: 2_000 }), target, dial);
      assert.equal(verdict.healthy, false);
      assert.equal(verdict.answer, "HTTP 503");
      assert.ok(verdict.checks > 1);
    }));

  it("ends at the deadline when a server is silent for longer", () =>
    serve(net.createServer(), async (target) => {
      const verdict = await waitUntilHealthy(
        settings({ type: "http", timeoutMs: 60_000, deadlineMs: 50 }),
        target,
        dial,
      );
      assert.deepEqual([verdict.healthy, verdict.checks], [false, 1]);
    }));

  it("counts consecutive results only", () => {
    let streak = 0;
    const streaks = [true, true, false, true].map((healthy) => {
      streak = nextStreak(streak, healthy);
      return streak;
    });
    assert.deepEqual(streaks, [1, 2, 0, 1]);
  });
});
