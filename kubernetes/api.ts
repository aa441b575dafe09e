import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import * as https from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import { Deadline } from "../health/deadline";
import { ApiError, StartError, wordsOf } from "./api-errors";
import { statusObject, watchEvent } from "./objects";

/** What is asked of an API server. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** From the root: `/api/v1/services`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** A line of a watch. */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: unknown;
}

/** An answer that has not come by then, in ms, will not come. */
const ANSWER_MS = 15_000;
/** API servers send a bookmark every minute; a watch that is silent for longer, in ms, is dead. */
const SILENCE_MS = 150_000;
/** A list of 10,000 objects is 10 MB. */
const ANSWER_MAX_BYTES = 256 * 1024 * 1024;

/**
 * One API server, spoken to as a kubeconfig or the ServiceAccount of a Pod says. Tokens are read anew when they change.
 * Requests are not repeated here: who asks knows whether that is right.
 */
export class Api {
  readonly #config: KubeConfig;
  readonly #base: URL;
  readonly #userAgent: string;
  #agent: { readonly digest: string; readonly agent: https.Agent } | undefined;

  /** @throws StartError where there is no server, or one without TLS: a token would travel in the clear */
  constructor(config: KubeConfig, version: string) {
    const server = config.getCurrentCluster()?.server;
    if (server === undefined)
      throw new StartError(
        "expected a kubeconfig with a current context, found none: name one with --kubeconfig",
      );
    this.#base = new URL(server);
    if (this.#base.protocol !== "https:")
      throw new StartError(`expected an API server that is reached by https, found ${server}`);
    this.#config = config;
    this.#userAgent = `heye-kubernetes/${version}`;
  }

  /**
   * One question and its answer, as parsed JSON.
   *
   * @throws ApiError
   */
  async request(request: ApiRequest): Promise<unknown> {
    const words = `${request.method} ${request.path}`;
    const deadline = new Deadline(ANSWER_MS, request.signal ?? new AbortController().signal);
    try {
      const response = await this.#send(request, words, deadline.signal);
      return parsed(await text(response, words), words);
    } finally {
      deadline.clear();
    }
  }

  /**
   * Follows what happens, until the server ends it or the signal fires.
   *
   * @throws ApiError when it is refused or breaks off
   */
  async *watch(
    path: string,
    query: NonNullable<ApiRequest["query"]>,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent> {
    const words = `WATCH ${path}`;
    const ending = new AbortController();
    const follow = () => ending.abort(signal.reason);
    if (signal.aborted) follow();
    else signal.addEventListener("abort", follow, { once: true });
    const timer = setTimeout(() => ending.abort(new Error(`silent for ${SILENCE_MS} ms`)), SILENCE_MS);
    try {
      const request = { method: "GET", path, query: { ...query, watch: "true" } } as const;
      const response = await this.#send(request, words, ending.signal);
      for await (const line of lines(response)) {
        timer.refresh();
        yield watchEvent.parse(parsed(line, words));
      }
      if (!response.complete) throw new ApiError(0, words, "the connection broke off");
    } catch (error) {
      if (error instanceof ApiError || signal.aborted) throw error;
      const reason = ending.signal.aborted ? wordsOf(ending.signal.reason) : wordsOf(error);
      throw new ApiError(0, words, reason, undefined, { cause: error });
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", follow);
      ending.abort();
    }
  }

  /** Lets go of connections that are kept for the next request. */
  close(): void {
    this.#agent?.agent.destroy();
  }

  async #send(request: ApiRequest, words: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { method, path, query = {}, body } = request;
    const url = new URL(this.#base.pathname.replace(/\/$/, "") + path, this.#base);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, String(value));
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const options = await this.#options();
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = https.request(url, { ...options, method, signal }, resolve);
      outgoing.once("error", (error) => {
        const reason = signal.aborted ? wordsOf(signal.reason) : wordsOf(error);
        reject(new ApiError(0, words, reason, undefined, { cause: error }));
      });
      outgoing.setHeader("accept", "application/json");
      outgoing.setHeader("user-agent", this.#userAgent);
      if (sent !== undefined) {
        outgoing.setHeader(
          "content-type",
          method === "PATCH" ? "application/merge-patch+json" : "application/json",
        );
        // Node says it of no DELETE by itself, and servers take such a body for another request.
        outgoing.setHeader("content-length", Buffer.byteLength(sent));
      }
      outgoing.end(sent);
    });
    if (response.statusCode === undefined || response.statusCode >= 300) throw await refusal(response, words);
    return response;
  }

  /** The library makes an agent that keeps no connection, and keeps that agent when certificates change. */
  async #options(): Promise<https.RequestOptions> {
    const given: https.RequestOptions = {};
    await this.#config.applyToHTTPSOptions(given);
    if (this.#config.getCurrentCluster()?.proxyUrl !== undefined) return given;
    const { ca, cert, key, rejectUnauthorized, servername } = given;
    const digest = createHash("sha256")
      .update(JSON.stringify([ca, cert, key].map(String)))
      .digest("hex");
    if (this.#agent?.digest !== digest) {
      const tls = { ca, cert, key, rejectUnauthorized, servername };
      this.#agent = { digest, agent: new https.Agent({ keepAlive: true, ...defined(tls) }) };
    }
    return { ...given, agent: this.#agent.agent };
  }
}

/** Lines that are not empty. What breaks after the reader has gone is nobody's concern. */
async function* lines(response: IncomingMessage): AsyncGenerator<string> {
  response.setEncoding("utf8").on("error", () => undefined);
  let rest = "";
  for await (const chunk of response as AsyncIterable<string>) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) if (line !== "") yield line;
  }
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Partial<T>;
}

async function refusal(response: IncomingMessage, words: string): Promise<ApiError> {
  const status = response.statusCode ?? 0;
  const said = await text(response, words).catch(() => "");
  const known = statusObject.safeParse(safeJson(said));
  const detail = known.success ? (known.data.message ?? known.data.reason) : undefined;
  const header = Number(response.headers["retry-after"]);
  const seconds = (known.success ? known.data.details?.retryAfterSeconds : undefined) ?? header;
  const retryAfterMs = Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : undefined;
  return new ApiError(status, words, detail ?? (said.slice(0, 200) || "no reason given"), retryAfterMs);
}

async function text(response: IncomingMessage, words: string): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > ANSWER_MAX_BYTES) throw new Error(`expected at most ${ANSWER_MAX_BYTES} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    throw new ApiError(0, words, wordsOf(error), undefined, { cause: error });
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parsed(said: string, words: string): unknown {
  const value = safeJson(said);
  if (value === undefined) throw new ApiError(0, words, "the answer is not JSON");
  return value;
}

function safeJson(said: string): unknown {
  try {
    return JSON.parse(said);
  } catch {
    return undefined;
  }
}
