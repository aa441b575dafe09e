import { randomInt } from "node:crypto";
import type { Duplex } from "node:stream";
import type { HealthCheckOf } from "../spec";
import { type Checker, CheckFailedError, type Target } from "./checker";

type DnsCheck = HealthCheckOf<"dns">;

/** What of a reply is looked at. */
interface Reply {
  readonly code: number;
  readonly answers: number;
  /** Not all of it fits into a datagram. */
  readonly isCut: boolean;
}

/**
 * One question, and an answer with the code NOERROR. What does not answer this very question, or is no DNS at all, is not
 * heard: the time goes on. An answer that is cut short is asked for again over TCP, as every client does.
 */
export const dnsChecker: Checker<DnsCheck> = {
  async check(settings, target, dial, signal) {
    const ask = async (transport: DnsCheck["transport"]) => {
      const place: Target = transport === "udp" ? { ...target, transport } : target;
      const stream = await dial(place, signal);
      const end = () => stream.destroy();
      return exchange(stream, questionOf(settings), transport, signal).finally(end);
    };
    const first = await ask(settings.transport);
    return judge(first.isCut && settings.transport === "udp" ? await ask("tcp").catch(retold) : first);
  },
};

/** How much of what a server says is listened to: many times the longest message. */
const SAID_MAX = 1024 * 1024;

/** By their numbers (RFC 1035, 4.1.1). */
const CODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

function judge({ code, answers }: Reply): string {
  const word = CODES[code] ?? `code ${code}`;
  if (code !== 0) throw new CheckFailedError(`DNS ${word}`);
  return `DNS ${word}, ${answers} ${answers === 1 ? "answer" : "answers"}`;
}

function retold(error: unknown): never {
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const words = `its answer over udp is cut short; over tcp: ${message}`;
  throw error instanceof CheckFailedError ? new CheckFailedError(words) : new Error(words, { cause });
}

/** Sends a question, and waits for what answers it. */
function exchange(
  stream: Duplex,
  question: Buffer,
  transport: DnsCheck["transport"],
  signal: AbortSignal,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    let said = 0;
    const hear = (message: Buffer) => {
      const reply = replyTo(question, message);
      if (reply) resolve(reply);
    };
    const take = transport === "udp" ? hear : framed(hear);
    stream.on("data", (chunk: Buffer) => {
      said += chunk.length;
      if (said > SAID_MAX) stream.destroy(new Error(`said more than ${SAID_MAX / 1024} KiB, and no answer`));
      else take(chunk);
    });
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "ECONNRESET") reject(error);
    });
    const closed = () =>
      reject(
        new CheckFailedError(
          said > 0 ? "answered something that is not DNS" : "closed the connection without an answer",
        ),
      );
    stream.on("end", closed).on("close", closed);
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    stream.write(transport === "udp" ? question : Buffer.concat([lengthOf(question), question]));
  });
}

/** Over TCP each message stands behind its length (RFC 1035, 4.2.2), and comes in whatever parts. */
function framed(hear: (message: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
      const end = 2 + rest.readUInt16BE(0);
      hear(rest.subarray(2, end));
      rest = rest.subarray(end);
    }
  };
}

function lengthOf(message: Buffer): Buffer {
  return Buffer.of(message.length >> 8, message.length & 0xff);
}

const HEAD_BYTES = 12;
/** Type and class, behind the name. */
const TAIL_BYTES = 4;
/** A resolver is to find the answer; one that has it anyway does not care. */
const RECURSION_DESIRED = 0x0100;
const INTERNET = 1;

/** By the list of IANA, "Resource Record (RR) TYPEs". */
const TYPES: Readonly<Record<DnsCheck["recordType"], number>> = {
  ...{ A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, TXT: 16 },
  ...{ AAAA: 28, SRV: 33, RRSIG: 46, DNSKEY: 48 },
};

/** A message with one question and an id that nobody can foresee. */
function questionOf({ name, recordType }: DnsCheck): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt16BE(randomInt(0x1_0000), 0);
  head.writeUInt16BE(RECURSION_DESIRED, 2);
  head.writeUInt16BE(1, 4);
  const labels = name === "." ? [] : name.split(".");
  const parts = labels.flatMap((label) => [Buffer.of(label.length), Buffer.from(label, "latin1")]);
  return Buffer.concat([head, ...parts, Buffer.of(0, 0, TYPES[recordType], 0, INTERNET)]);
}

/** Reads a message; undefined: it answers another question, or is no answer. */
function replyTo(question: Buffer, message: Buffer): Reply | undefined {
  const end = question.length;
  if (message.length < end || message.readUInt16BE(0) !== question.readUInt16BE(0)) return undefined;
  const flags = message.readUInt16BE(2);
  const isAnswer = (flags & 0xf800) === 0x8000;
  if (!isAnswer || message.readUInt16BE(4) !== 1) return undefined;
  // Servers may spell a name in capitals.
  const name = message.toString("latin1", HEAD_BYTES, end - TAIL_BYTES).toLowerCase();
  if (name !== question.toString("latin1", HEAD_BYTES, end - TAIL_BYTES)) return undefined;
  if (!message.subarray(end - TAIL_BYTES, end).equals(question.subarray(end - TAIL_BYTES))) return undefined;
  return { code: flags & 0x000f, answers: message.readUInt16BE(6), isCut: (flags & 0x0200) !== 0 };
}
