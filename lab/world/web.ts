/** The real servers' services: HTTP, and a line of TCP or UDP, each answering with the server's name. All in this process. */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import { createServer as createTcpServer, type Socket, type Server as TcpServer } from "node:net";
import type { ServerNode } from "../topology";
import type { NodeSpace } from "./spaces";

/** What a server has answered since the last reset. Health checks and bare connections are counted apart from work. */
export interface Counts {
  /** HTTP requests, without those for /health. */
  http: number;
  /** HTTP requests for /health. */
  health: number;
  /** TCP connections that sent at least one line. */
  tcp: number;
  /** TCP connections that were closed without a line, as checks do. */
  tcpBare: number;
  /** UDP datagrams. */
  udp: number;
}

/** A service that can be stopped (its port then refuses) and started again. */
export type Service = "http" | "tcp" | "udp";

const NO_COUNTS: Counts = { http: 0, health: 0, tcp: 0, tcpBare: 0, udp: 0 };
const LONGEST_LINE = 64 * 1024;

/** One real server. It listens on all its addresses, the virtual ones included. */
export class RealServer {
  counts: Counts = { ...NO_COUNTS };
  /** Status of /health. */
  health: 200 | 503 = 200;
  readonly #running = new Map<Service, () => void>();

  constructor(
    readonly node: ServerNode,
    readonly space: NodeSpace,
  ) {}

  /** The services this server can run. */
  get services(): Service[] {
    return (["http", "tcp", "udp"] as const).filter((service) => this.node.ports[service]);
  }

  /** Listens; nothing happens when the service runs already. */
  start(service: Service): void {
    if (this.#running.has(service)) return;
    const ports = this.node.ports[service] ?? [];
    this.#running.set(
      service,
      this.space.within(() => {
        const stops = ports.map((port) => this.#listen(service, port));
        return () => {
          for (const stop of stops) stop();
        };
      }),
    );
  }

  /** Closes the ports and every open connection of this server's stopped service. */
  stop(service: Service): void {
    this.#running.get(service)?.();
    this.#running.delete(service);
  }

  /** Sets all counts to 0. */
  reset(): void {
    this.counts = { ...NO_COUNTS };
  }

  #listen(service: Service, port: number): () => void {
    if (service === "udp") return this.#listenUdp(port);
    const server = service === "http" ? this.#http() : this.#tcp();
    const own = new Set<Socket>();
    server.on("connection", (socket: Socket) => {
      own.add(socket);
      socket.setNoDelay(true);
      socket.on("close", () => own.delete(socket));
    });
    // Without a host Node binds at once, while the thread is still in the server's network.
    server.listen(port);
    return () => {
      server.close();
      for (const socket of own) socket.resetAndDestroy();
    };
  }

  #http(): HttpServer {
    return createHttpServer((request, response) => this.#answer(request, response));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const isHealth = request.url === "/health";
    this.counts[isHealth ? "health" : "http"]++;
    const status = isHealth ? this.health : 200;
    const body = isHealth ? (status === 200 ? "OK\n" : "SICK\n") : `${this.node.name}\n`;
    response.writeHead(status, { "content-type": "text/plain", "content-length": Buffer.byteLength(body) });
    response.end(request.method === "HEAD" ? undefined : body);
  }

  #tcp(): TcpServer {
    return createTcpServer((socket) => {
      let pending = "";
      let spoke = false;
      socket.setEncoding("utf8");
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        if (!spoke) this.counts.tcpBare++;
      });
      socket.on("data", (chunk: string) => {
        const lines = (pending + chunk).split("\n");
        pending = (lines.pop() ?? "").slice(-LONGEST_LINE);
        if (lines.length === 0) return;
        if (!spoke) this.counts.tcp++;
        spoke = true;
        socket.write(`${this.node.name}\n`.repeat(lines.length));
      });
    });
  }

  #listenUdp(port: number): () => void {
    // An immediate look-up makes bind() happen now, while the thread is still in the server's network.
    const socket: UdpSocket = createSocket({
      type: "udp6",
      lookup: (host, _options, done) => done(null, host, 6),
    });
    socket.on("message", (_message, from) => {
      this.counts.udp++;
      socket.send(`${this.node.name}\n`, from.port, from.address, () => {});
    });
    socket.bind({ port, address: "::", exclusive: true });
    return () => socket.close();
  }
}
