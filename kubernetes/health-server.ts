import * as http from "node:http";
import { isIP } from "node:net";
import type { Registry } from "prom-client";
import { StartError } from "./api-errors";

/** Where a server listens. */
export interface ListenAddress {
  /** undefined: on every address. */
  readonly host: string | undefined;
  readonly port: number;
}

/** Reads `127.0.0.1:9440`, `[::1]:9440` or `:9440`. @throws StartError when it is none of these */
export function listenAddress(text: string): ListenAddress {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (port === undefined || Number(port) > 65_535 || (host !== "" && isIP(host ?? "") === 0))
    throw new StartError(`--listen: expected ADDRESS:PORT or :PORT, found ${JSON.stringify(text)}`);
  return { host: host === "" ? undefined : host, port: Number(port) };
}

/** What is asked over HTTP. */
export interface HealthAnswers {
  /** Whether it can take over: everything has been read once. */
  readonly isReady: () => boolean;
  readonly metrics: Registry;
}

/**
 * Serves /healthz, /readyz and /metrics. None of them depends on the API server being there: a controller that is restarted
 * or taken out of service because of that would only be one thing less that works.
 */
export async function serveHealth(
  { host, port }: ListenAddress,
  answers: HealthAnswers,
): Promise<http.Server> {
  const server = http.createServer((request, response) => {
    void answer(
      request.method === "GET" || request.method === "HEAD" ? request.url : undefined,
      answers,
    ).then(({ status, type = "text/plain; charset=utf-8", text }) => {
      response.writeHead(status, { "content-type": type });
      response.end(request.method === "HEAD" ? undefined : text);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new StartError(`--listen: ${error.message}`, { cause: error })));
    server.listen(port, host, resolve);
  });
  return server;
}

interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly text: string;
}

async function answer(url: string | undefined, { isReady, metrics }: HealthAnswers): Promise<Answer> {
  const path = url?.split("?")[0];
  if (path === "/healthz") return { status: 200, text: "ok\n" };
  if (path === "/readyz")
    return isReady() ? { status: 200, text: "ok\n" } : { status: 503, text: "objects are being read\n" };
  if (path === "/metrics") return { status: 200, type: metrics.contentType, text: await metrics.metrics() };
  return { status: 404, text: "there are /healthz, /readyz and /metrics\n" };
}
