import { once } from "node:events";
import * as net from "node:net";

/** A way to a port that can be cut, and hold back what goes over it. */
export class Relay {
  readonly #sockets = new Set<net.Socket>();
  readonly #server: net.Server;
  #isCut = false;
  #dialled = 0;

  private constructor(private readonly target: number) {
    this.#server = net.createServer((socket) => this.#join(socket));
  }

  static async to(target: number): Promise<Relay> {
    const relay = new Relay(target);
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** Whether somebody holds a connection over it. */
  get isUsed(): boolean {
    return this.#sockets.size > 0;
  }

  /** How often somebody has begun a connection over it. */
  get dialled(): number {
    return this.#dialled;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  /** Nothing goes over it any more, in neither direction, and nobody is told: as behind a cable that was pulled. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.pause();
  }

  /** What was open is lost; what is opened from now on works. */
  mend(): void {
    this.#isCut = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #join(near: net.Socket): void {
    this.#dialled++;
    const far = net.connect(this.target, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on("data", (chunk) => {
        if (!this.#isCut) other.write(chunk);
      });
      // Also that the other side has gone is not told over a cable that was pulled.
      const tell = () => {
        if (!this.#isCut) other.destroy();
      };
      one.on("error", tell);
      one.on("close", () => {
        this.#sockets.delete(one);
        tell();
      });
    }
    if (this.#isCut) this.cut();
  }
}
