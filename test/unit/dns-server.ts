import * as dgram from "node:dgram";
import { once } from "node:events";
import * as net from "node:net";
import type { Target } from "../../health";

/** What a message says in its head, besides its question. */
export interface Head {
  readonly id?: number;
  /** Default: an answer, with recursion. */
  readonly flags?: number;
  /** RCODE. */
  readonly code?: number;
  readonly questions?: number;
  readonly answers?: number;
}

/** TC. */
export const CUT = 0x0200;

/** An answer to a question, or what looks like one. */
export function answerTo(question: Buffer, head: Head = {}): Buffer {
  const { id = question.readUInt16BE(0), flags = 0x8180, code = 0, questions = 1, answers = 1 } = head;
  const answer = Buffer.from(question);
  for (const [index, word] of [id, flags | code, questions, answers].entries())
    answer.writeUInt16BE(word, 2 * index);
  return answer;
}

/** A message as it goes over TCP. */
export function framed(message: Buffer): Buffer {
  return Buffer.concat([Buffer.of(message.length >> 8, message.length & 0xff), message]);
}

/** How a server answers a question, in as many messages as it likes. */
export type Answering = (question: Buffer, over: "udp" | "tcp") => readonly Buffer[];

/** A DNS server on loopback, of UDP and TCP under one port. */
export class DnsServer {
  readonly #udp = dgram.createSocket("udp4");
  readonly #tcp: net.Server;
  readonly #sockets = new Set<net.Socket>();
  /** What it was asked, in order. */
  readonly heard: { readonly over: "udp" | "tcp"; readonly question: Buffer; readonly port: number }[] = [];

  private constructor(answering: Answering) {
    this.#udp.on("message", (question, { port, address }) => {
      this.heard.push({ over: "udp", question, port });
      for (const answer of answering(question, "udp")) this.#udp.send(answer, port, address);
    });
    this.#tcp = net.createServer((socket) => {
      this.#sockets.add(socket.on("error", () => undefined));
      socket.on("data", (data) => {
        const question = data.subarray(2);
        this.heard.push({ over: "tcp", question, port: socket.remotePort ?? 0 });
        for (const answer of answering(question, "tcp")) socket.write(framed(answer));
      });
    });
  }

  /**
   * Runs one for as long as a test does.
   *
   * @param answering none: it hears, and says nothing
   */
  static async run(
    answering: Answering,
    test: (target: Target, server: DnsServer) => Promise<void>,
  ): Promise<void> {
    const server = new DnsServer(answering);
    try {
      await test(await server.#listen(), server);
    } finally {
      server.#udp.close();
      for (const socket of server.#sockets) socket.destroy();
      server.#tcp.close();
    }
  }

  /** From now on nobody takes connections at its port. */
  async refuseTcp(): Promise<void> {
    this.#tcp.close();
    await once(this.#tcp, "close");
  }

  async #listen(): Promise<Target> {
    for (;;) {
      this.#tcp.listen(0, "127.0.0.1");
      await once(this.#tcp, "listening");
      const { port } = this.#tcp.address() as net.AddressInfo;
      this.#udp.bind(port, "127.0.0.1");
      const isBound = await once(this.#udp, "listening").then(
        () => true,
        () => false,
      );
      if (isBound) return { address: "127.0.0.1", port };
      // Somebody else has the port over UDP.
      await this.refuseTcp();
    }
  }
}
