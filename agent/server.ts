import { chmod, rm } from "node:fs/promises";
import * as http from "node:http";
import { connect } from "node:net";
import { AGENT_PROTOCOL, PROTOCOL_HEADER, type ProblemAnswer } from "../director/data";
import type { ApiHandler, Asker } from "./api";
import { KEEP_ALIVE_MS } from "./api/limits";
import { browserProblem } from "./browsers";
import { NotDurableError } from "./keeper/not-durable-error";
import type { Log } from "./log";
import { BackupError } from "./plane/backup-text";
import { HeldBackError } from "./plane/held-back";
import { NotFollowingError } from "./plane/not-following-error";
import { PlaneDownError, PlaneUncertainError } from "./plane/plane";

/** What is wrong with a request, as RFC 9457 has it. */
export class RequestProblem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    detail: string,
  ) {
    super(detail);
    this.name = "RequestProblem";
  }
}

/** A request as a route sees it. */
export interface Question {
  readonly query: URLSearchParams;
  /** Parsed JSON; undefined: there was no body. */
  readonly body: unknown;
  /** Fires when the asker has gone. */
  readonly signal: AbortSignal;
}

/** `GET /v1/state`, and who answers it. What it returns is the answer's JSON. */
export type Routes = Readonly<Record<string, (question: Question) => Promise<unknown>>>;

/** Whoever may open the socket may do everything, as often as he likes. */
const ROOT: Asker = { role: "read-write", admit: () => undefined };

/** Paths of requests stand for themselves; this makes addresses of them. */
const BASE = "http://agent";

/**
 * What holds secrets, or is made for programs that know the protocol: they are answered where its version is named. No page of
 * another site can have a browser send that field, whatever else it gets past.
 */
const PROTOCOL_PATHS: ReadonlySet<string> = new Set([
  "/v1/state",
  "/v1/changes",
  "/v1/checks",
  "/v1/store/backup",
  "/v1/store/restore",
]);

/** A registry of 10,000 servers, whole, is 5 MB. */
const BODY_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Serves the routes on a unix socket that only this user can open. A socket that is left from an agent that was killed is
 * replaced; one that is answered on is not.
 *
 * @param routes undefined: not yet, which is answered with 503. The socket is taken before anything else is touched, so that
 *   two agents never keep one table
 * @param api answers what it knows in their place; undefined: not yet
 * @param early what is answered before that
 * @throws Error when another agent answers there
 */
export async function listen(
  path: string,
  routes: () => Routes | undefined,
  log: Log,
  api: () => ApiHandler | undefined = () => undefined,
  early: Routes = {},
): Promise<http.Server> {
  if (await isAnswered(path)) throw new Error(`another agent answers on ${path}`);
  await rm(path, { force: true });
  const server = http.createServer((request, response) => {
    const handler = api();
    if (handler?.router.knows(request.url ?? "/")) {
      void handler.handle(request, response, ROOT);
      return;
    }
    void answer(request, routes(), early, log).then(({ status, value }) => {
      const text = JSON.stringify(value);
      const type = status === 200 ? "application/json" : "application/problem+json";
      response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text) });
      response.end(text);
    });
  });
  // A gate is waited for as long as its check says.
  server.requestTimeout = 0;
  // Node's own 5 s are short: an agent that stalls for 2 s closes a connection that a client is using again.
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const before = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(path, resolve);
    });
  } finally {
    process.umask(before);
  }
  await chmod(path, 0o600);
  return server;
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}

async function answer(
  request: http.IncomingMessage,
  routes: Routes | undefined,
  early: Routes,
  log: Log,
): Promise<{ status: number; value: unknown }> {
  try {
    const browser = browserProblem(request, true);
    if (browser !== undefined) throw new RequestProblem(403, "not for browsers", browser);
    const target = request.url ?? "/";
    if (!URL.canParse(target, BASE)) throw new RequestProblem(400, "bad request", "expected a path");
    const { pathname, searchParams } = new URL(target, BASE);
    // A probe may want the head alone: what is not known by its method is taken for "not ready" while the agent starts.
    const method = request.method === "HEAD" ? "GET" : request.method;
    const route = `${method} ${pathname}`;
    const known = routes ?? early;
    const handler = Object.hasOwn(known, route) ? known[route] : undefined;
    if (!routes && !handler) throw new RequestProblem(503, "not ready", "it is starting");
    if (!handler) throw new RequestProblem(404, "not found", `there is no ${route}`);
    requireProtocol(request.headers[PROTOCOL_HEADER], pathname);
    const gone = new AbortController();
    request.socket.once("close", () => gone.abort());
    const body = await readBody(request);
    return { status: 200, value: await handler({ query: searchParams, body, signal: gone.signal }) };
  } catch (error) {
    const { status, value } = problemOf(error);
    if (status >= 500)
      log.error({ event: "request", url: request.url, error: value.detail }, "a request failed");
    return { status, value };
  }
}

/** Refuses another version of the provider's protocol, and what has to name one and does not. */
function requireProtocol(found: string | string[] | undefined, pathname: string): void {
  if (found === String(AGENT_PROTOCOL)) return;
  if (found === undefined && !PROTOCOL_PATHS.has(pathname)) return;
  const detail = `expected ${PROTOCOL_HEADER}: ${AGENT_PROTOCOL}, found ${found ?? "none"}`;
  throw new RequestProblem(400, "another version", detail);
}

/** What is no fault of the request's, nor of the agent's. */
const STATUSES: readonly (readonly [kind: new (...words: never[]) => Error, status: number])[] = [
  [NotDurableError, 507],
  // Surely nothing was made of it; or that is not known.
  [PlaneDownError, 424],
  [NotFollowingError, 424],
  [HeldBackError, 409],
  [BackupError, 422],
  [PlaneUncertainError, 504],
];

function problemOf(error: unknown): { status: number; value: ProblemAnswer } {
  const detail = error instanceof Error ? error.message : String(error);
  const known = STATUSES.find(([kind]) => error instanceof kind);
  if (known) return { status: known[1], value: { title: known[0].name, status: known[1], detail } };
  const { status, title } =
    error instanceof RequestProblem
      ? error
      : { status: 500, title: error instanceof Error ? error.name : "Error" };
  return { status, value: { title, status, detail } };
}

async function readBody(request: http.IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_MAX_BYTES)
      throw new RequestProblem(413, "too large", `expected at most ${BODY_MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (length === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (error) {
    throw new RequestProblem(400, "not JSON", (error as Error).message);
  }
}
