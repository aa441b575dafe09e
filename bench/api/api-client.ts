import * as http from "node:http";
import { AGENT_PROTOCOL, PROTOCOL_HEADER } from "../../director/data";

/** An answer, whatever it says. */
export interface Answered {
  readonly status: number;
  readonly text: string;
}

/** Asks an agent over its socket, on connections that are kept. */
export class ApiClient {
  readonly #agent: http.Agent;

  /** @param connections how many requests may be on their way at once; others wait */
  constructor(
    private readonly socketPath: string,
    connections: number,
  ) {
    this.#agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  }

  /** Rejects only where there is no answer. */
  ask(method: string, path: string, body?: object): Promise<Answered> {
    const text = body && JSON.stringify(body);
    const headers = {
      [PROTOCOL_HEADER]: AGENT_PROTOCOL,
      ...(text !== undefined && { "content-type": "application/json", "content-length": text.length }),
    };
    const options = { socketPath: this.socketPath, method, path, headers, agent: this.#agent };
    return new Promise((resolve, reject) => {
      const outgoing = http.request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
        );
      });
      outgoing.on("error", reject);
      outgoing.end(text);
    });
  }
}
