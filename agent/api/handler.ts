import type { IncomingMessage, ServerResponse } from "node:http";
import { browserProblem } from "../browsers";
import type { Log } from "../log";
import { readBody } from "./body";
import type { Role } from "./clients";
import { IN_FLIGHT, LONG_BYTES, STALLED_MS, TAGS_MAX_LENGTH, UNSENT_BYTES, WRITES_IN_FLIGHT } from "./limits";
import { isPackable, packed } from "./packing";
import { ApiProblem, asProblem, problemBody } from "./problem";
import { ReadTurns } from "./read-turns";
import { revisionTag } from "./resources";
import type { Answer, AnsweredEdit, Api, Call, Route } from "./route";
import type { Matched, Router } from "./router";
import { Slots } from "./slots";
import type { Plan } from "./writer";

/** Who asks, as far as that decides about what is answered. */
export interface Asker {
  /** undefined: nothing. */
  readonly role: Role | undefined;
  /** Fingerprint of his certificate; absent: he came over the unix socket. */
  readonly client?: string;
  /** @throws ApiProblem 429 when he asks too often */
  readonly admit: (isWrite: boolean) => void;
}

const PROBLEM_TYPE = "application/problem+json";

/** What switches ask. */
const READINESS = "/readyz";

/** A field of every answer: the revision of what is declared. */
const REVISION_FIELD = "heye-revision";

/** Answers requests of the API, over whatever they come. */
export class ApiHandler {
  readonly #inFlight = new Slots("requests", IN_FLIGHT);
  readonly #reads = new ReadTurns();
  readonly #writes = new Slots("changes", WRITES_IN_FLIGHT);
  readonly #unsent = new Slots("bytes of answers that clients have yet to take", UNSENT_BYTES);

  constructor(
    private readonly api: Api,
    readonly router: Router,
    private readonly log: Log,
    private readonly stalledMs = STALLED_MS,
  ) {}

  /** Answers one request; never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse, asker: Asker): Promise<void> {
    try {
      const work = () => this.#answer(request, response, asker);
      const answer = await (isReadiness(request) ? work() : within(this.#inFlight, asker, work));
      if (answer) await this.#send(request, response, answer, isLocal(asker));
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status >= 500)
        this.log.error(
          { event: "request", path: pathOf(request), error: problem.message },
          "a request failed",
        );
      const { status, headers } = problem;
      // What is left of a body that nobody reads stands in the way of a next request.
      if (!request.complete) response.setHeader("connection", "close");
      const content = JSON.stringify(problemBody(problem));
      await this.#send(request, response, { status, headers, text: { type: PROBLEM_TYPE, content } });
    }
  }

  /** undefined: the answer goes on as a stream. */
  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    asker: Asker,
  ): Promise<Answer | undefined> {
    const method = request.method ?? "GET";
    const isWrite = method !== "GET" && method !== "HEAD";
    const browser = browserProblem(request, isLocal(asker));
    if (browser !== undefined) throw new ApiProblem(403, "not for browsers", browser);
    asker.admit(isWrite);
    if (asker.role === undefined) throw NOBODY;
    const matched = this.router.match(method, request.url ?? "/");
    if (isWrite && asker.role !== "read-write") throw forbidden(method);
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const call = callOf(request, matched, asker, gone.signal);
    if (!isWrite) {
      if (matched.route.kind === "read" && !isReadiness(request)) await this.#reads.take();
      return this.#read(matched.route, call, method === "GET" ? response : undefined);
    }
    return within(this.#writes, asker, async () => {
      const body = matched.route.operation.body === undefined ? undefined : await readBody(request, method);
      return this.#write(matched.route, { ...call, body });
    });
  }

  /** @param response undefined: its head alone is wanted, so that no stream begins */
  async #read(route: Route, call: Call, response: ServerResponse | undefined): Promise<Answer | undefined> {
    this.api.history.see(this.api.declarations.view);
    if (route.kind === "read") return route.read(this.api, call);
    if (route.kind !== "stream") return undefined;
    if (!response) return { status: 200, headers: route.headers };
    route.stream(this.api, call, response);
    return undefined;
  }

  async #write(route: Route, call: Call): Promise<Answer> {
    const { writer, history, declarations } = this.api;
    const edits = editsOf(this.api, route, call);
    if (call.query["dry-run"] === "true") return planned(await writer.plan(edits), edits);
    const written = await writer.write(edits, call.signal);
    history.see(declarations.view);
    const [only] = edits;
    if (route.kind === "write" && only) return only.answer(written);
    const answers = edits
      .map((edit) => edit.answer(written))
      .map(({ status, headers }) => ({
        status,
        ...(headers?.location !== undefined && { location: headers.location }),
      }));
    const { revision, messages } = written;
    const body = { revision, edits: answers, ...(messages !== "" && { messages }) };
    return { status: 200, body, headers: { etag: revisionTag(revision) } };
  }

  /** @throws ApiProblem 503 for a long answer while clients leave too many lying: one that is told a problem is short */
  async #send(
    request: IncomingMessage,
    response: ServerResponse,
    answer: Answer,
    isAskedHere = false,
  ): Promise<void> {
    const { status, headers } = answer;
    const text = textOf(answer);
    const isPacked = text !== undefined && isPackable(request, text.content);
    const content = isPacked ? await packed(text.content) : Buffer.from(text?.content ?? "");
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    if (content.length > LONG_BYTES) response.once("close", this.#unsent.take(isAskedHere, content.length));
    response.writeHead(status, {
      "cache-control": "no-store",
      ...headers,
      [REVISION_FIELD]: this.api.declarations.view.revision,
      ...(text && { "content-type": text.type, "content-length": content.length }),
      ...(isPacked && { "content-encoding": "gzip" }),
    });
    response.end(request.method === "HEAD" ? undefined : content);
    if (response.writableLength === 0) return;
    const stalled = setTimeout(() => response.destroy(), this.stalledMs).unref();
    response.once("close", () => clearTimeout(stalled));
  }
}

/** 503 means something to whoever asks this: not that others ask too much. */
function isReadiness(request: IncomingMessage): boolean {
  return pathOf(request) === READINESS && (request.method === "GET" || request.method === "HEAD");
}

function isLocal({ client }: Asker): boolean {
  return client === undefined;
}

async function within<T>(slots: Slots, asker: Asker, work: () => Promise<T>): Promise<T> {
  const giveBack = slots.take(isLocal(asker));
  try {
    return await work();
  } finally {
    giveBack();
  }
}

function textOf({ body, text }: Answer): Answer["text"] {
  return (
    text ?? (body === undefined ? undefined : { type: "application/json", content: JSON.stringify(body) })
  );
}

function editsOf(api: Api, route: Route, call: Call): readonly AnsweredEdit[] {
  if (route.kind === "transaction") return route.edits(api, call);
  return route.kind === "write" ? [route.edit(api, call)] : [];
}

function callOf(
  request: IncomingMessage,
  { params, query }: Matched,
  { client }: Asker,
  signal: AbortSignal,
): Call {
  const { headers } = request;
  for (const name of TAG_FIELDS)
    if (String(headers[name] ?? "").length > TAGS_MAX_LENGTH)
      throw new ApiProblem(
        400,
        "too long",
        `expected ${name} of at most ${TAGS_MAX_LENGTH} characters, found more`,
      );
  const preconditions = { ifMatch: headers["if-match"], ifNoneMatch: headers["if-none-match"] };
  return { params, query, body: undefined, preconditions, headers, client, signal };
}

/** Fields that name versions and events. */
const TAG_FIELDS = ["if-match", "if-none-match", "last-event-id"];

/** What edits would do; what stands in their way by then is said as it would be. */
function planned({ before, after, revision, edits, gate }: Plan, all: readonly AnsweredEdit[]): Answer {
  const statuses = all.map((edit) => edit.answer({ before, after }).status);
  const asked = gate.map(({ service, server, check }) => ({
    virtualServer: service,
    server,
    check: check.type,
  }));
  return { status: 200, body: { dryRun: true, revision, edits, gate: asked, statuses } };
}

const NOBODY = new ApiProblem(
  403,
  "no role",
  "expected a certificate with a name among readOnly or readWrite, found none that is",
  { code: "HEYE_NO_ROLE" },
);

function forbidden(method: string): ApiProblem {
  return new ApiProblem(
    403,
    "read only",
    `expected a client that may change things for ${method}, found one that may read: name it among readWrite`,
    { code: "HEYE_READ_ONLY" },
  );
}

/** Without its query. */
function pathOf({ url = "/" }: IncomingMessage): string {
  return url.split("?", 1)[0] ?? "/";
}
