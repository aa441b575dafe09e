import type { IncomingMessage } from "node:http";
import { BODY_MAX_BYTES, BODY_MAX_DEPTH } from "./limits";
import { ApiProblem } from "./problem";

/** A merge patch may also say that it is plain JSON, as scripts do. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  PATCH: ["application/merge-patch+json", "application/json"],
};
const JSON_TYPE = ["application/json"];

/**
 * Reads a request's body as JSON.
 *
 * @throws ApiProblem 400, 413, 415
 */
export async function readBody(request: IncomingMessage, method: string): Promise<unknown> {
  const allowed = TYPES[method] ?? JSON_TYPE;
  const type = (request.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (!allowed.includes(type))
    throw new ApiProblem(
      415,
      "not JSON",
      `expected the content type ${allowed.join(" or ")}, found ${type === "" ? "none" : type.slice(0, 100)}`,
    );
  return parsed(await readText(request));
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_MAX_BYTES)
      throw new ApiProblem(413, "too large", `expected a body of at most ${BODY_MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new ApiProblem(400, "not UTF-8", "expected a body in UTF-8");
  }
}

/** The parser's own words are not told: they repeat a part of the body, which may be a secret. */
function parsed(text: string): unknown {
  if (depthOf(text) > BODY_MAX_DEPTH)
    throw new ApiProblem(
      400,
      "too deep",
      `expected at most ${BODY_MAX_DEPTH} objects and lists within each other`,
    );
  try {
    return JSON.parse(text);
  } catch {
    const found = text === "" ? "no body" : `a text of ${text.length} characters that is none`;
    throw new ApiProblem(400, "not JSON", `expected JSON, found ${found}`);
  }
}

/** How deep brackets stand within each other; those within texts are none. */
function depthOf(text: string): number {
  let [depth, deepest, isText] = [0, 0, false];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (isText) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) isText = false;
    } else if (code === QUOTE) isText = true;
    else if (code === BRACKET || code === BRACE) deepest = Math.max(deepest, ++depth);
    else if (code === BRACKET_END || code === BRACE_END) depth--;
  }
  return deepest;
}

const [QUOTE, BACKSLASH, BRACKET, BRACKET_END, BRACE, BRACE_END] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];
