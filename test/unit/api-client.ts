/** Asks an agent's API over its unix socket, as a client would. */
import * as http from "node:http";

/** An answer of the API. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Parsed JSON; undefined: there was no body. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind
  readonly body: any;
}

/** What goes with a request. */
export interface ApiRequest {
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Makes one request. */
export function request(
  options: http.RequestOptions,
  method: string,
  path: string,
  { body, text, headers = {} }: ApiRequest = {},
): Promise<ApiAnswer> {
  const sent = text ?? (body === undefined ? undefined : JSON.stringify(body));
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  return new Promise((resolve, reject) => {
    const outgoing = http.request(
      {
        ...options,
        method,
        path,
        agent: false,
        headers: { ...(sent !== undefined && { "content-type": type }), ...headers },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => {
          const received = Buffer.concat(chunks).toString("utf8");
          const isJson = /json/.test(String(response.headers["content-type"]));
          const parsed: unknown = received === "" ? undefined : isJson ? JSON.parse(received) : received;
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed });
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(sent);
  });
}

/** A client of the API behind a socket. */
export function apiClient(socketPath: string) {
  const ask = (method: string) => (path: string, given?: ApiRequest) =>
    request({ socketPath }, method, path, given);
  return {
    get: ask("GET"),
    post: ask("POST"),
    put: ask("PUT"),
    patch: ask("PATCH"),
    remove: ask("DELETE"),
    ask: (method: string, path: string, given?: ApiRequest) => ask(method)(path, given),
  };
}
