import assert from "node:assert/strict";
import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";
import type { TLSSocket } from "node:tls";
import { runCheck } from "../../health";
import { authority, type Claims, type Identity, issue } from "./certificates";
import { dial, dialStream, never, serve, settings } from "./health-server";

/** Answers with a body, in so many pieces. */
const saying = (body: string | Buffer, status = 200) =>
  http.createServer((_, response) => response.writeHead(status).end(body));

const answerOf = async (server: net.Server, check: object): Promise<string> => {
  let answer = "";
  await serve(server, async (target) => {
    const result = await runCheck(settings({ type: "http", ...check }), target, dial, never);
    answer = `${result.healthy ? "healthy" : "not healthy"}: ${result.answer}`;
  });
  return answer;
};

describe("http check: the request", () => {
  it("takes the statuses it was told to", async () => {
    const check = { expectedStatuses: [204, "500-503"] };
    assert.equal(await answerOf(saying("", 204), check), "healthy: HTTP 204");
    assert.equal(await answerOf(saying("", 503), check), "healthy: HTTP 503");
    assert.equal(await answerOf(saying("", 200), check), "not healthy: HTTP 200");
  });

  it("sends the header fields it was told to, in place of its own", async () => {
    const server = http.createServer(({ headers, method }, response) => {
      const right = headers.authorization === "Bearer abc" && headers["user-agent"] === "mine";
      response.writeHead(right && method === "OPTIONS" ? 200 : 400).end();
    });
    const headers = { Authorization: "Bearer abc", "User-Agent": "mine" };
    assert.equal(await answerOf(server, { headers, method: "OPTIONS" }), "healthy: HTTP 200");
  });

  it("does not wait for a body that nobody asked about", async () => {
    const server = http.createServer((_, response) => {
      response.writeHead(200).write("a beginning");
    });
    assert.equal(await answerOf(server, { method: "GET" }), "healthy: HTTP 200");
  });

  it("a server that changes the protocol is answered with its status", async () => {
    const server = http.createServer();
    server.on("connection", (socket) =>
      socket.once("data", () => socket.write("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")),
    );
    assert.equal(await answerOf(server, {}), "not healthy: HTTP 101");
  });
});

describe("http check: the body", () => {
  const check = { method: "GET", bodyRegex: '"status": ?"ok"' };

  it("is searched for what is expected", async () => {
    assert.equal(
      await answerOf(saying('{"status": "ok"}'), check),
      "healthy: HTTP 200, bodyRegex found in its body",
    );
    assert.equal(
      await answerOf(saying('{"status": "s3cret"}'), check),
      "not healthy: HTTP 200, but bodyRegex is not in its body",
    );
    assert.equal(await answerOf(saying('{"status": "ok"}', 500), check), "not healthy: HTTP 500");
  });

  it("is read as UTF-8, over the bounds of packets", async () => {
    const server = http.createServer((_, response) => {
      const [first, ...rest] = Buffer.from("é");
      response.write(Buffer.from([first ?? 0]));
      setImmediate(() => response.end(Buffer.from(rest)));
    });
    assert.match(await answerOf(server, { ...check, bodyRegex: "^é$" }), /^healthy/);
  });

  it("is searched in its first 64 KiB, and read no further", async () => {
    const filler = "x".repeat(64 * 1024 - 2);
    assert.match(await answerOf(saying(`${filler}ok and more`), { ...check, bodyRegex: "ok" }), /^healthy/);
    assert.equal(
      await answerOf(saying(`${filler}.ok`), { ...check, bodyRegex: "ok" }),
      "not healthy: HTTP 200, but bodyRegex is not in the first 64 KiB of its body",
    );
    const endless = http.createServer((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(filler));
      };
      response.on("drain", more);
      more();
    });
    assert.match(await answerOf(endless, { ...check, bodyRegex: "^x" }), /^healthy/);
  });

  it("that breaks off is not healthy", async () => {
    const server = http.createServer((_, response) => {
      response.writeHead(200, { "content-length": 100 }).write("short", () => response.destroy());
    });
    assert.equal(await answerOf(server, check), "not healthy: closed the connection within its body");
  });

  it("an expression without an end is stopped, and holds up no other check", async () => {
    const evil = { ...check, bodyRegex: "^(a+)+$", timeoutMs: 10_000 };
    const verdict = answerOf(saying(`${"a".repeat(60)}!`), evil);
    let turns = 0;
    const turning = setInterval(() => turns++, 1);
    const answer = await verdict;
    clearInterval(turning);
    assert.equal(
      answer,
      "not healthy: HTTP 200, but looking for bodyRegex in its body took more than 100 ms: write one with fewer ways to match",
    );
    assert.ok(turns > 1, "this thread stood still");
    assert.match(await answerOf(saying("abc"), { ...check, bodyRegex: "b" }), /^healthy/);
  });
});

describe("http check: TLS", () => {
  const HOUR_MS = 3_600_000;
  let ca: Identity;
  let signers: Readonly<Record<"known" | "unknown" | "namesake" | "itself", Identity | undefined>>;
  before(async () => {
    ca = await authority("known");
    signers = {
      known: ca,
      unknown: await authority("unknown"),
      namesake: await authority("known"),
      itself: undefined,
    };
  });

  /** A server with that certificate, which notes the name that it is asked for. */
  const secured = async (claims: Claims, by: Identity | undefined, asked: unknown[] = []) => {
    const server = https.createServer(await issue(claims, by), (request, response) => {
      asked.push((request.socket as TLSSocket & { servername?: unknown }).servername);
      response.end("ok");
    });
    return server;
  };

  it("a certificate of a known authority for the host is healthy, and the host is the name that is sent", async () => {
    const asked: unknown[] = [];
    const server = await secured({ names: ["shop.example"] }, ca, asked);
    const check = { host: "shop.example:8443", tls: { ca: ca.cert }, method: "GET", bodyRegex: "^ok$" };
    assert.equal(await answerOf(server, check), "healthy: HTTP 200, bodyRegex found in its body");
    assert.deepEqual(asked, ["shop.example"]);
  });

  it("goes through a stream that is no socket, and lets go of it", async () => {
    const server = await secured({ names: ["a.example"] }, ca);
    const left = new Promise((resolve) =>
      server.on("secureConnection", (socket) => socket.on("close", resolve)),
    );
    await serve(server, async (target) => {
      const check = settings({ type: "http", host: "a.example", tls: { ca: ca.cert } });
      assert.deepEqual(await runCheck(check, target, dialStream, never), {
        healthy: true,
        answer: "HTTP 200",
      });
      await left;
      const distrusting = settings({ type: "http", host: "b.example", tls: { ca: ca.cert } });
      assert.match((await runCheck(distrusting, target, dialStream, never)).answer, /not for b.example/);
    });
  });

  it("serverName goes before the host; without both the address counts", async () => {
    const asked: unknown[] = [];
    const named = await secured({ names: ["a.example"] }, ca, asked);
    const tls = { ca: ca.cert, serverName: "a.example" };
    assert.equal(await answerOf(named, { host: "b.example", tls }), "healthy: HTTP 200");
    assert.deepEqual(asked, ["a.example"]);
    const numbered = await secured({ addresses: ["127.0.0.1"] }, ca, asked);
    assert.equal(await answerOf(numbered, { tls: { ca: ca.cert } }), "healthy: HTTP 200");
    assert.equal(asked[1], false);
  });

  const cases: [string, Claims, keyof typeof signers, RegExp][] = [
    ["of another authority", { names: ["a.example"] }, "unknown", /from an unknown authority.*ca/],
    ["of a namesake", { names: ["a.example"] }, "namesake", /has the name of a known one/],
    ["signed by itself", { names: ["a.example"] }, "itself", /signed by itself: name it as ca/],
    [
      "that has expired",
      { names: ["a.example"], fromMs: -2 * HOUR_MS, untilMs: -HOUR_MS },
      "known",
      /the certificate has expired/,
    ],
    [
      "of the future",
      { names: ["a.example"], fromMs: HOUR_MS, untilMs: 2 * HOUR_MS },
      "known",
      /is not valid yet/,
    ],
    [
      "for another name",
      { names: ["b.example", "c.example"] },
      "known",
      /is for DNS:b.example, DNS:c.example, not for a.example/,
    ],
  ];
  for (const [what, claims, by, reason] of cases) {
    it(`a certificate ${what} is not healthy, and the answer says so`, async () => {
      const answer = await answerOf(await secured(claims, signers[by]), {
        host: "a.example",
        tls: { ca: ca.cert },
      });
      assert.match(answer, /^not healthy: TLS: /);
      assert.match(answer, reason);
    });

    it(`insecure takes a certificate ${what}`, async () => {
      const server = await secured(claims, signers[by]);
      assert.equal(
        await answerOf(server, { host: "a.example", tls: { insecure: true } }),
        "healthy: HTTP 200",
      );
    });
  }

  it("without a ca the system's roots are asked, and do not know a test's authority", async () => {
    const server = await secured({ names: ["a.example"] }, ca);
    assert.match(
      await answerOf(server, { host: "a.example", tls: {} }),
      /^not healthy: TLS: .*unknown authority/,
    );
  });

  it("a server without TLS is not healthy", async () => {
    assert.equal(
      await answerOf(saying("ok"), { tls: { insecure: true } }),
      "not healthy: TLS: answered something that is not TLS",
    );
  });

  it("a server with TLS that is asked in the clear is not healthy", async () => {
    const server = await secured({ names: ["a.example"] }, ca);
    assert.match(await answerOf(server, {}), /^not healthy: /);
  });

  it("a server that is silent in the handshake, or closes it, is not healthy", async () => {
    const silent = net.createServer((socket) => socket.on("error", () => undefined));
    assert.equal(
      await answerOf(silent, { tls: { insecure: true }, timeoutMs: 100 }),
      "not healthy: no answer within 100 ms",
    );
    const closing = net.createServer((socket) => socket.destroy());
    assert.match(
      await answerOf(closing, { tls: { insecure: true } }),
      /^not healthy: TLS: closed the connection during the handshake/,
    );
  });
});
