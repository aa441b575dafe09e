import { once } from "node:events";
import * as net from "node:net";
import type { Member } from "../../director";

/** A real server on loopback that can be killed and revived at its port. */
export class LoopbackServer {
  readonly #sockets = new Set<net.Socket>();
  #server = net.createServer();
  port = 0;

  static async up(): Promise<LoopbackServer> {
    const server = new LoopbackServer();
    await server.revive();
    return server;
  }

  get member(): Member {
    return { address: "127.0.0.1", port: this.port, weight: 3, forwarding: "nat" };
  }

  async revive(): Promise<void> {
    this.#server = net.createServer((socket) => this.#sockets.add(socket.on("error", () => undefined)));
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    this.port = (this.#server.address() as net.AddressInfo).port;
  }

  async kill(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }
}
