/** The control server: JSON over HTTP on the management network. Every request carries the lab's token. */
import { timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { FIXED } from "../topology";
import type { NodeSpace } from "./spaces";

/** Answers one verb. What it throws becomes a 400 with the text. */
export type Verb = (body: Readonly<Record<string, unknown>>) => unknown;

/** Starts the server in the control network. `POST /VERB` with a JSON object; the answer is JSON as well. */
export function serveControl(
  network: NodeSpace,
  token: string,
  verbs: Readonly<Record<string, Verb>>,
): Server {
  const server = createServer((request, response) => {
    answer(request, token, verbs).then(
      ([status, body]) => send(response, status, body),
      (error: unknown) => send(response, 500, { error: String(error) }),
    );
  });
  server.requestTimeout = 0;
  network.within(() => {
    server.listen(FIXED.controlPort);
  });
  return server;
}

async function answer(
  request: IncomingMessage,
  token: string,
  verbs: Readonly<Record<string, Verb>>,
): Promise<[status: number, body: unknown]> {
  if (!isToken(request.headers.authorization, token))
    return [403, { error: "the token of this lab is missing" }];
  const name = (request.url ?? "/").slice(1);
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (!verb) return [404, { error: `unknown request ${name}; this world is older or newer than its caller` }];
  try {
    const body: unknown = JSON.parse((await textOf(request)) || "{}");
    if (typeof body !== "object" || body === null) throw new Error("expected a JSON object");
    return [200, (await verb({ ...body })) ?? {}];
  } catch (error) {
    return [400, { error: error instanceof Error ? error.message : String(error) }];
  }
}

function isToken(given: string | undefined, token: string): boolean {
  const [a, b] = [Buffer.from(given ?? ""), Buffer.from(`Bearer ${token}`)];
  return a.length === b.length && timingSafeEqual(a, b);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}
