import assert from "node:assert/strict";
import * as dgram from "node:dgram";
import * as net from "node:net";
import * as fc from "fast-check";
import { directDial, runCheck, type Target } from "../../health";
import { formatPath, healthCheck, parse } from "../../spec";
import { until } from "./agent-site";
import { answerTo, CUT, DnsServer, type Head } from "./dns-server";
import { dialStream, never, serve, settings } from "./health-server";
import { fuzzRuns } from "./property";

/** A check that has all the time there is, unless it is told otherwise. */
const check = (more: object = {}) =>
  settings({ type: "dns", name: "www.example.com", timeoutMs: 30_000, ...more });
const ask = (target: Target, more: object = {}) => runCheck(check(more), target, directDial(), never);
const HEALTHY = { healthy: true, answer: "DNS NOERROR, 1 answer" };
const BRIEF = { timeoutMs: 100 };
const SILENT = { healthy: false, answer: "no answer within 100 ms" };

describe("dns check", () => {
  for (const transport of ["udp", "tcp"] as const) {
    it(`a server that answers over ${transport} is healthy`, () =>
      DnsServer.run(
        (question) => [answerTo(question)],
        async (target, { heard }) => {
          assert.deepEqual(await ask(target, { transport }), HEALTHY);
          assert.deepEqual(
            heard.map(({ over }) => over),
            [transport],
          );
        },
      ));

    for (const [code, word] of [
      [1, "FORMERR"],
      [2, "SERVFAIL"],
      [3, "NXDOMAIN"],
      [5, "REFUSED"],
      [9, "code 9"],
    ] as const) {
      it(`${word} over ${transport} is not healthy`, () =>
        DnsServer.run(
          (question) => [answerTo(question, { code })],
          async (target) =>
            assert.deepEqual(await ask(target, { transport }), { healthy: false, answer: `DNS ${word}` }),
        ));
    }

    it(`a server that hears and says nothing over ${transport} is not healthy`, () =>
      DnsServer.run(
        () => [],
        async (target) => assert.deepEqual(await ask(target, { transport, ...BRIEF }), SILENT),
      ));

    const heads: [string, Head][] = [
      ["another id", { id: -1 }],
      ["a question", { flags: 0x0100 }],
      ["an answer of another kind", { flags: 0xa180 }],
      ["an answer without a question", { questions: 0 }],
      ["an answer to two questions", { questions: 2 }],
    ];
    const otherwise: [string, (question: Buffer) => Buffer][] = [
      ...heads.map(([what, { id, ...head }]): [string, (question: Buffer) => Buffer] => [
        what,
        (question) =>
          answerTo(question, { ...head, ...(id && { id: (question.readUInt16BE(0) + 1) & 0xffff }) }),
      ]),
      ["an answer about another name", (question) => changed(answerTo(question), 13)],
      ["an answer of another type", (question) => changed(answerTo(question), question.length - 3)],
      ["an answer of another class", (question) => changed(answerTo(question), question.length - 1)],
      ["half an answer", (question) => answerTo(question).subarray(0, question.length - 1)],
      ["nothing", () => Buffer.alloc(0)],
    ];
    for (const [what, made] of otherwise) {
      it(`does not hear ${what} over ${transport}, and hears the answer after it`, () =>
        DnsServer.run(
          (question) => [made(question), answerTo(question, { answers: 2 })],
          async (target) =>
            assert.deepEqual(await ask(target, { transport }), {
              healthy: true,
              answer: "DNS NOERROR, 2 answers",
            }),
        ));
    }

    it(`a server that says nothing but these over ${transport} is not healthy`, () =>
      DnsServer.run(
        (question) => otherwise.map(([, made]) => made(question)),
        async (target) => assert.deepEqual(await ask(target, { transport, ...BRIEF }), SILENT),
      ));
  }

  it("asks one question with an id of its own, and wishes for recursion", () =>
    DnsServer.run(
      (question) => [answerTo(question)],
      async (target, { heard }) => {
        await ask(target, { name: "A.example", recordType: "AAAA" });
        await runCheck(settings({ type: "dns" }), target, directDial(), never);
        const [first, second] = heard.map(({ question }) => question.toString("latin1"));
        assert.equal(
          first?.slice(2),
          "\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x1c\x00\x01",
        );
        assert.equal(second?.slice(2), "\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x01");
        for (let more = 0; more < 8; more++) await ask(target);
        assert.ok(new Set(heard.map(({ question }) => question.readUInt16BE(0))).size > 5);
      },
    ));

  it("takes its own name in capitals, and an answer without records", () =>
    DnsServer.run(
      (question) => [
        Buffer.from(
          answerTo(question, { answers: 0 }).toString("latin1").replace("example", "EXample"),
          "latin1",
        ),
      ],
      async (target) =>
        assert.deepEqual(await ask(target), { healthy: true, answer: "DNS NOERROR, 0 answers" }),
    ));

  it("does not hear the right answer from another port", () =>
    DnsServer.run(
      () => [],
      async (target, server) => {
        const stranger = dgram.createSocket("udp4");
        try {
          const asked = ask(target, { timeoutMs: 2_000 });
          await until(
            () => server.heard.length > 0,
            () => "nothing was asked",
          );
          const [{ question, port } = assert.fail()] = server.heard;
          await new Promise((sent) => stranger.send(answerTo(question), port, "127.0.0.1", sent));
          assert.equal((await asked).healthy, false);
        } finally {
          stranger.close();
        }
      },
    ));

  it("asks again over tcp where the answer is cut short, and believes what is said there", () =>
    DnsServer.run(
      (question, over) => [answerTo(question, { flags: 0x8180 | CUT, answers: over === "udp" ? 0 : 7 })],
      async (target, { heard }) => {
        assert.deepEqual(await ask(target), { healthy: true, answer: "DNS NOERROR, 7 answers" });
        assert.deepEqual(
          heard.map(({ over }) => over),
          ["udp", "tcp"],
        );
      },
    ));

  it("fails where the answer is cut short and nobody answers over tcp, and says which of them it was", () =>
    DnsServer.run(
      (question) => [answerTo(question, { flags: 0x8180 | CUT })],
      async (target, server) => {
        await server.refuseTcp();
        assert.deepEqual(await ask(target), {
          healthy: false,
          answer: "its answer over udp is cut short; over tcp: cannot connect: ECONNREFUSED",
        });
      },
    ));

  it("a port that nobody listens on fails at once, over udp too", async () => {
    for (const transport of ["udp", "tcp"]) {
      const result = await ask({ address: "127.0.0.1", port: 1 }, { transport });
      assert.deepEqual(result, { healthy: false, answer: "cannot connect: ECONNREFUSED" });
    }
  });

  it("says nothing of the server where this host has not the address that it is to come from", async () => {
    const from = { sourceAddress: "192.0.2.1" };
    const result = await ask({ address: "127.0.0.1", port: 53 }, from);
    assert.deepEqual(result, { healthy: false, answer: "cannot connect: EADDRNOTAVAIL", inconclusive: true });
  });

  const bad: [string, (socket: net.Socket) => void, RegExp][] = [
    ["closes without an answer", (socket) => socket.end(), /^closed the connection without an answer$/],
    ["resets", (socket) => socket.resetAndDestroy(), /^closed the connection without an answer$/],
    [
      "speaks something else",
      (socket) => socket.end("HTTP/1.1 400 x\r\n\r\n"),
      /^answered something that is not DNS$/,
    ],
    [
      "does not end",
      (socket) => void socket.write(Buffer.alloc(2 * 1024 * 1024)),
      /^said more than 1024 KiB, and no answer$/,
    ],
  ];
  for (const [what, behaviour, answer] of bad) {
    it(`a server that ${what} over tcp is not healthy`, () =>
      serve(
        net.createServer((socket) => {
          socket.on("error", () => undefined).once("data", () => behaviour(socket));
        }),
        async (target) => {
          const result = await ask(target, { transport: "tcp" });
          assert.equal(result.healthy, false);
          assert.match(result.answer, answer);
        },
      ));
  }

  it("hears an answer that comes byte by byte, through a stream that is no socket", () =>
    serve(
      net.createServer((socket) => {
        socket.setNoDelay(true).on("error", () => undefined);
        socket.once("data", async (data) => {
          const answer = answerTo(data.subarray(2));
          for (const byte of Buffer.concat([data.subarray(0, 2), answer])) {
            socket.write(Buffer.of(byte));
            await new Promise((next) => setImmediate(next));
          }
        });
      }),
      async (target) =>
        assert.deepEqual(await runCheck(check({ transport: "tcp" }), target, dialStream, never), HEALTHY),
    ));

  it("is not led astray by anything that comes before the answer", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 4 }),
        fc.array(fc.tuple(fc.nat(40), fc.nat(255)), { maxLength: 3 }),
        async (garbage, edits) => {
          const answering = (question: Buffer) => {
            const spoilt = answerTo(question);
            for (const [at, byte] of edits) if (at < spoilt.length) spoilt[at] = byte;
            return [...garbage.map((bytes) => Buffer.from(bytes)), spoilt, answerTo(question)];
          };
          await DnsServer.run(answering, async (target) => {
            const { healthy, answer } = await ask(target);
            assert.match(answer, healthy ? /^DNS NOERROR, \d+ answers?$/ : /^DNS (code \d+|[A-Z]+)$/);
          });
        },
      ),
      { numRuns: fuzzRuns(100) },
    ));
});

describe("the settings of a dns check", () => {
  const nameOf = (name: string) => {
    const { value, problems } = parse(healthCheck, { type: "dns", name });
    return problems.length === 0 && value.type === "dns"
      ? value.name
      : problems.map(({ reason }) => reason).join();
  };

  it("ask for the root's SOA over udp by default", () => {
    const { value } = parse(healthCheck, { type: "dns" });
    assert.ok(value.type === "dns");
    assert.deepEqual([value.name, value.recordType, value.transport], [".", "SOA", "udp"]);
  });

  it("know one spelling of a name", () => {
    for (const name of ["www.Example.com", "www.example.com.", "WWW.EXAMPLE.COM."])
      assert.equal(nameOf(name), "www.example.com");
    for (const name of [".", "a", "_dmarc.x-y.z", "xn--bcher-kva.example", "9"])
      assert.equal(nameOf(name), name);
  });

  it("refuse what is no name", () => {
    const long = Array.from({ length: 4 }, () => "a".repeat(63)).join(".");
    for (const name of ["", "..", "a..b", ".a", "a b", "bücher", "a".repeat(64), long, "a/b", "a\nb"])
      assert.match(nameOf(name), /^expected a DNS name/, JSON.stringify(name));
    assert.equal(nameOf(long.slice(2)), long.slice(2));
  });

  it("refuse other types and carriers, each at its place", () => {
    const { problems } = parse(healthCheck, { type: "dns", recordType: "ANY", transport: "quic" });
    assert.deepEqual(
      problems.map(({ path }) => formatPath(path)),
      ["recordType", "transport"],
    );
  });
});

/** The same with one byte otherwise. */
function changed(message: Buffer, at: number): Buffer {
  const other = Buffer.from(message);
  other[at] = (message[at] ?? 0) ^ 1;
  return other;
}
