import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import * as https from "node:https";
import * as z from "zod";
import { Deadline } from "../../health/deadline";
import { parseVirtualServer, type VirtualServer } from "../../spec";
import { wordsOf } from "../api-errors";

/** Files with what a director's API is spoken to by; they may be exchanged at any time. */
export interface TlsFiles {
  /** The authority of the directors' certificates. */
  readonly ca: string;
  /** Our certificate: one of its names is in the API's `readWrite`. */
  readonly cert: string;
  readonly key: string;
}

/** A director's API refused a request, or did not answer it. */
export class DirectorError extends Error {
  override readonly name = "DirectorError";

  /**
   * @param status of HTTP; 0: there was no answer
   * @param unhealthy servers that did not become healthy, by address and port
   */
  constructor(
    readonly status: number,
    request: string,
    detail: string,
    readonly unhealthy: readonly string[] = [],
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(`${request}: ${status === 0 ? "no answer" : `HTTP ${status}`}: ${detail}`, options);
  }

  /** The same request may succeed later: the director is away, or busy, or has no role for us yet. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 403 || this.status === 429 || this.status >= 500;
  }
}

/** An answer to a question has come by then, in ms, or will not. */
const ANSWER_MS = 15_000;
/** What a change takes besides waiting for its servers, in ms: also the way of their clients' packets is tried. */
const CHANGE_MS = 120_000;
/** A thousand virtual servers with a hundred servers each. */
const ANSWER_MAX_BYTES = 64 * 1024 * 1024;

const told = z.looseObject({ id: z.string(), owner: z.object({ label: z.string() }) });
const page = z.object({ items: z.array(told), next: z.string().optional() });
const problem = z.object({
  detail: z.string().optional(),
  gate: z.array(z.object({ server: z.string() })).optional(),
});

/** Whom the API calls the owner of what was declared by it. */
const API_OWNER = "the REST API";
/** What the API tells of a virtual server beside what was declared. */
const TOLD = new Set(["id", "key", "owner", "pool", "status"]);

/** One director's REST API, by mutual TLS (docs/api.md). */
export class DirectorClient {
  /** Its host and port. */
  readonly name: string;
  readonly #base: URL;
  readonly #files: TlsFiles;
  #agent: { readonly digest: string; readonly agent: https.Agent } | undefined;

  constructor(url: URL, files: TlsFiles) {
    this.#base = url;
    this.#files = files;
    this.name = url.host;
  }

  /**
   * All virtual servers of it, whoever declared them, by id.
   *
   * @throws DirectorError
   */
  async list(signal: AbortSignal): Promise<ReadonlyMap<string, VirtualServer | "foreign">> {
    const all = new Map<string, VirtualServer | "foreign">();
    let after: string | undefined;
    do {
      const query = after === undefined ? "" : `?after=${encodeURIComponent(after)}`;
      const { items, next } = page.parse(
        await this.#request("GET", `/v1/virtual-servers${query}`, undefined, signal),
      );
      for (const item of items) {
        const declared = Object.fromEntries(Object.entries(item).filter(([name]) => !TOLD.has(name)));
        all.set(item.id, item.owner.label === API_OWNER ? parseVirtualServer(declared).value : "foreign");
      }
      after = next;
    } while (after !== undefined);
    return all;
  }

  /**
   * Declares a virtual server.
   *
   * @param isNew only where nothing stands yet; else in place of what is there, too
   * @throws DirectorError 412 where it is to be new and is not
   */
  async put(id: string, body: VirtualServer, isNew: boolean, signal: AbortSignal): Promise<void> {
    const headers: Record<string, string> = isNew ? { "if-none-match": "*" } : {};
    await this.#request(
      "PUT",
      `/v1/virtual-servers/${encodeURIComponent(id)}`,
      body,
      signal,
      headers,
      changeMs(body),
    );
  }

  /** Takes one away; its connections end first. One that is not there is no error. @throws DirectorError */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    await this.#request("DELETE", `/v1/virtual-servers/${encodeURIComponent(id)}`, undefined, signal).catch(
      (error: unknown) => {
        if (!(error instanceof DirectorError && error.status === 404)) throw error;
      },
    );
  }

  /** Lets go of connections that are kept for the next request. */
  close(): void {
    this.#agent?.agent.destroy();
  }

  async #request(
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal,
    headers: Readonly<Record<string, string>> = {},
    patienceMs: number = method === "GET" ? ANSWER_MS : CHANGE_MS,
  ): Promise<unknown> {
    const words = `${method} ${this.#base.origin}${path}`;
    const deadline = new Deadline(patienceMs, signal);
    try {
      const agent = await this.#tls();
      const sent = body === undefined ? undefined : JSON.stringify(body);
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const options = { method, agent, headers, signal: deadline.signal };
        const outgoing = https.request(new URL(path, this.#base), options, resolve).once("error", reject);
        if (sent !== undefined) outgoing.setHeader("content-type", "application/json");
        outgoing.end(sent);
      });
      const text = await textOf(response);
      const status = response.statusCode ?? 0;
      if (status < 300) return text === "" ? undefined : JSON.parse(text);
      throw refusal(status, words, text, response.headers["retry-after"]);
    } catch (error) {
      if (error instanceof DirectorError) throw error;
      const reason = deadline.signal.aborted ? deadline.signal.reason : error;
      throw new DirectorError(0, words, wordsOf(reason), [], undefined, { cause: error });
    } finally {
      deadline.clear();
    }
  }

  async #tls(): Promise<https.Agent> {
    const { ca, cert, key } = this.#files;
    const [authority, certificate, secret] = await Promise.all(
      [ca, cert, key].map((file) => readFile(file, "utf8")),
    );
    const digest = createHash("sha256")
      .update(JSON.stringify([authority, certificate, secret]))
      .digest("hex");
    if (this.#agent?.digest !== digest) {
      const tls = { ca: authority, cert: certificate, key: secret, minVersion: "TLSv1.3" } as const;
      this.#agent?.agent.destroy();
      this.#agent = { digest, agent: new https.Agent({ keepAlive: true, ...tls }) };
    }
    return this.#agent.agent;
  }
}

/**
 * How long a change may take, in ms: a director waits for the servers that it lets in as long as their checks allow. Who gave
 * it up before would take the director for one that is away, and never be told which servers it does not let in.
 */
export function changeMs({ healthCheck, realServers = [] }: VirtualServer): number {
  const checks = [healthCheck, ...realServers.map((one) => one.healthCheck)];
  const waits = checks.map((check) => (check === undefined || check.type === "none" ? 0 : check.deadlineMs));
  return CHANGE_MS + Math.max(...waits);
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > ANSWER_MAX_BYTES) throw new Error(`expected at most ${ANSWER_MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function refusal(status: number, words: string, text: string, retryAfter: string | undefined): DirectorError {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    said = undefined;
  }
  const { data } = problem.safeParse(said);
  const seconds = Number(retryAfter);
  const retryAfterMs = seconds > 0 ? seconds * 1_000 : undefined;
  const unhealthy = (data?.gate ?? []).map(({ server }) => server);
  return new DirectorError(status, words, data?.detail ?? text.slice(0, 200), unhealthy, retryAfterMs);
}
