/** Real servers on addresses of the tests' network. */
import { once } from "node:events";
import * as http from "node:http";
import * as net from "node:net";
import { endLater } from "./leftovers";

/** A server that can die and come back, on one address and port. */
export class RealServer {
  readonly address: string;
  readonly port: number;
  /** What it answers. */
  status = 200;
  /** Whether every second answer is a failure. */
  flapping = false;
  /** Requests that it has had, and what they said in X-Token. */
  requests = 0;
  readonly tokens = new Set<unknown>();
  #server: http.Server | undefined;

  private constructor(address: string, port: number) {
    this.address = address;
    this.port = port;
  }

  static async start(address: string, port = 80): Promise<RealServer> {
    const server = new RealServer(address, port);
    await server.revive();
    return server;
  }

  /** Refuses connections from now on. */
  async die(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  /** Accepts them again. */
  async revive(): Promise<void> {
    if (this.#server) return;
    this.#server = http.createServer((request, response) => {
      this.requests++;
      this.tokens.add(request.headers["x-token"]);
      response.writeHead(this.flapping && this.requests % 2 === 0 ? 503 : this.status).end();
    });
    await listening(this.#server, this.address, this.port);
  }
}

/** Accepts connections on a port of an address; of all addresses of the network, if that is 0.0.0.0. */
export async function acceptOn(address: string, port: number): Promise<net.Server> {
  const server = net.createServer((socket) => socket.on("error", () => undefined).resume());
  await listening(server, address, port);
  return server;
}

/** Has a server listen. */
export async function listening(server: net.Server, host: string, port: number): Promise<void> {
  server.once(
    "close",
    endLater(() => server.close()),
  );
  server.listen(port, host);
  await once(server, "listening");
}

let network = 0;

/** Addresses that no other test uses, 250 at most. */
export function addresses(count: number): string[] {
  network++;
  return Array.from({ length: count }, (_, index) => `10.77.${network}.${index + 1}`);
}
