import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What went through a relay. */
export interface Passage {
  /** Connections accepted: one for each login. */
  readonly connections: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /**
   * How often the client spoke after it had been silent, or after the other side had spoken: at most so many times
   * somebody waited for the way there and back.
   */
  readonly turns: number;
}

const NOTHING: Passage = { connections: 0, bytesSent: 0, bytesReceived: 0, turns: 0 };

/** A TCP relay on 127.0.0.1 that counts what passes, and delays nothing. */
export class CountingRelay {
  #passed: Passage = NOTHING;
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly target: number,
  ) {
    server.on("connection", (client: Socket) => this.#accept(client));
  }

  /** A relay that listens, before a port of this machine. */
  static async before(target: number): Promise<CountingRelay> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    const relay = new CountingRelay(server, target);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return relay;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** What has passed since the last time this was asked. */
  take(): Passage {
    const passed = this.#passed;
    this.#passed = NOTHING;
    return passed;
  }

  /** Cuts what is open and stops listening. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = once(this.server, "close");
    this.server.close();
    await closed;
  }

  #accept(client: Socket): void {
    const director = connect({ host: "127.0.0.1", port: this.target, noDelay: true, allowHalfOpen: true });
    let clientSpokeLast = false;
    this.#count({ connections: 1 });
    client.on("data", (chunk: Buffer) => {
      this.#count({ bytesSent: chunk.length, turns: clientSpokeLast ? 0 : 1 });
      clientSpokeLast = true;
    });
    director.on("data", (chunk: Buffer) => {
      this.#count({ bytesReceived: chunk.length });
      clientSpokeLast = false;
    });
    client.pipe(director).pipe(client);
    for (const [one, other] of [
      [client, director],
      [director, client],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }

  #count(passage: Partial<Passage>): void {
    const sum = (key: keyof Passage) => this.#passed[key] + (passage[key] ?? 0);
    this.#passed = {
      connections: sum("connections"),
      bytesSent: sum("bytesSent"),
      bytesReceived: sum("bytesReceived"),
      turns: sum("turns"),
    };
  }
}
