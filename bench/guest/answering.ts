import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { Network } from "./network";

/** Real servers of whole networks on the director itself: each takes every connection, and ends it. */
export class Answering {
  /** Connections so far, which are checks. */
  checks = 0;
  readonly #network = new Network();
  readonly #server: Server;

  private constructor(
    private readonly networks: readonly string[],
    onCheck: ((address: string) => void) | undefined,
  ) {
    this.#server = createServer((socket) => {
      this.checks++;
      // Asking for the address is a system call more.
      onCheck?.(socket.localAddress ?? "");
      socket.on("error", () => undefined).destroy();
    });
  }

  /** @param onCheck told of each connection as it is taken, and by which address */
  static async up(
    networks: readonly string[],
    port: number,
    onCheck?: (address: string) => void,
  ): Promise<Answering> {
    const servers = new Answering(networks, onCheck);
    servers.#network.answerFor(networks);
    await servers.#network.settled();
    servers.#server.listen({ port, host: "0.0.0.0", backlog: 4096 });
    await once(servers.#server, "listening");
    return servers;
  }

  async end(): Promise<void> {
    this.#server.close();
    await this.#network.end(this.networks);
  }
}
