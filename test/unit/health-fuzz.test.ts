import assert from "node:assert/strict";
import * as net from "node:net";
import * as fc from "fast-check";
import { runCheck } from "../../health";
import { dial, never, serve, settings } from "./health-server";
import { greeting, ok, packet } from "./mysql-packets";
import { fuzzRuns } from "./property";

const QUICK = { timeoutMs: 200 };
const HTTP = settings({ type: "http", method: "GET", bodyRegex: "ok", ...QUICK });
const HTTPS = settings({ type: "http", tls: { insecure: true }, ...QUICK });
const MYSQL = settings({ type: "mysql", user: "heye", password: "pl4nted", ...QUICK });
const DNS = settings({ type: "dns", transport: "tcp", ...QUICK });
const GREETING = greeting("mysql_native_password");

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
/** A MySQL packet of arbitrary content, with a true head. */
const anyPacket = (sequence: number) =>
  fc
    .tuple(fc.constantFrom(0x00, 0x01, 0x02, 0xfb, 0xfe, 0xff, 0x0a), bytes)
    .map(([kind, rest]) => packet(sequence, [kind], rest));
const anyResponse = fc
  .tuple(fc.integer({ min: 0, max: 999 }), fc.string({ maxLength: 60, unit: "binary-ascii" }), bytes)
  .map(([status, head, body]) =>
    Buffer.concat([Buffer.from(`HTTP/1.1 ${status} x\r\n${head}\r\n\r\n`), body]),
  );

/** Says the first at once, each other when the client has said something or waits, and closes after the last. */
function replying(replies: readonly Buffer[]): net.Server {
  return net.createServer((socket) => {
    const left = [...replies];
    let impatience: NodeJS.Timeout | undefined;
    const next = () => {
      clearTimeout(impatience);
      const reply = left.shift();
      if (reply) socket.write(reply);
      if (left.length === 0) socket.end();
      else impatience = setTimeout(next, 10);
    };
    socket.on("error", () => undefined).on("close", () => clearTimeout(impatience));
    socket.on("data", next);
    next();
  });
}

describe("a server that answers anything", () => {
  // mysql2 writes down what puzzles it; here that is the rule.
  const { trace, warn } = console;
  before(() => Object.assign(console, { trace: () => undefined, warn: () => undefined }));
  after(() => Object.assign(console, { trace, warn }));

  const kinds: [string, typeof HTTP, fc.Arbitrary<Buffer[]>][] = [
    ["http", HTTP, fc.tuple(fc.constant(Buffer.alloc(0)), fc.oneof(bytes, anyResponse))],
    ["http over TLS", HTTPS, fc.tuple(bytes, bytes)],
    ["dns answer over TCP", DNS, fc.tuple(fc.constant(Buffer.alloc(0)), bytes, bytes)],
    ["mysql greeting", MYSQL, fc.tuple(fc.oneof(bytes, anyPacket(0)), anyPacket(2))],
    ["mysql login", MYSQL, fc.tuple(fc.constant(GREETING), fc.oneof(bytes, anyPacket(2)), anyPacket(4))],
    [
      "mysql query",
      MYSQL,
      fc.tuple(
        fc.constant(GREETING),
        fc.constant(ok(2)),
        fc.oneof(bytes, anyPacket(1)),
        anyPacket(2),
        anyPacket(3),
      ),
    ],
  ];
  for (const [what, check, replies] of kinds) {
    it(`in place of a proper ${what} gives an answer, on one line and without a password, in time`, () =>
      fc.assert(
        fc.asyncProperty(replies, async (sent) => {
          await serve(replying(sent), async (target) => {
            const { answer } = await runCheck(check, target, dial, never);
            assert.match(answer, /^[^\n\r]{1,310}$/);
            assert.doesNotMatch(answer, /pl4nted/);
          });
        }),
        { numRuns: fuzzRuns(100) },
      ));
  }
});
