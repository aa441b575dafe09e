/** Stands before an API server, passes everything on, and does harm when it is told to. */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { issue } from "../unit/certificates";
import type { ControlPlane } from "./control-plane";
import { endLater } from "./leftovers";

/** What is done to a request; undefined: it is passed on. */
export interface Fault {
  /** Answered in the server's place. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Passed on, or answered, so much later, in ms. */
  readonly delayMs?: number;
}

/** A request as it is judged. */
export interface Passing {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
}

/** One proxy, with a certificate of its own. */
export class FaultProxy {
  readonly url: string;
  readonly caFile: string;
  /** Decides what becomes of each request. */
  fault: (request: Passing) => Fault | undefined = () => undefined;
  /** Requests that were answered in the server's place. */
  faults = 0;
  readonly #server: https.Server;
  readonly #sockets = new Set<Duplex>();

  private constructor(server: https.Server, caFile: string) {
    this.#server = server;
    this.caFile = caFile;
    this.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.once(
      "close",
      endLater(() => this.stop()),
    );
    server.on("secureConnection", (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(plane: ControlPlane): Promise<FaultProxy> {
    const { cert, key } = await issue({ addresses: ["127.0.0.1"] });
    const caFile = join(plane.folder, "proxy.crt");
    writeFileSync(caFile, cert);
    const agent = new https.Agent({ keepAlive: true, ca: readFileSync(plane.caFile) });
    let proxy: FaultProxy | undefined;
    const server = https.createServer({ cert, key }, (request, response) => {
      void (async () => {
        // What was on its way when the connection was cut may still be read: nobody waits for an answer.
        if (request.socket.destroyed) return;
        const { method = "GET", url = "/", headers } = request;
        const fault = proxy?.fault({ method, url });
        if (fault?.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
        if (fault?.status !== undefined && proxy) {
          proxy.faults++;
          request.resume();
          response.writeHead(fault.status, { "content-type": "application/json", ...fault.headers });
          response.end(JSON.stringify({ kind: "Status", code: fault.status, message: "as the test has it" }));
          return;
        }
        const onward = https.request(`${plane.url}${url}`, { method, headers, agent }, (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.on("error", () => response.destroy());
          answer.pipe(response);
        });
        onward.on("error", () => response.destroy());
        response.on("close", () => onward.destroy());
        request.pipe(onward);
      })();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    proxy = new FaultProxy(server, caFile);
    return proxy;
  }

  /** Breaks every connection off, watches too. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.cut();
    await once(this.#server, "close");
  }
}
