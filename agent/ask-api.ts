import * as http from "node:http";
import { text } from "node:stream/consumers";

/** A raw request of the API, for scripts. */
export interface RawRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly socket: string;
  /** `-`: the body is on standard input; absent: there is none; anything else is the body itself. */
  readonly data?: string | undefined;
  readonly ifMatch?: string | undefined;
  /** Print the status line and the header fields too. A `HEAD` is answered with nothing else, so its are printed always. */
  readonly include?: boolean | undefined;
}

/**
 * Makes a request of this director's agent, and prints the body of its answer as it comes, a stream of events too.
 *
 * @returns the exit status: 0 for an answer below 400; for others the status goes to standard error
 */
export async function askApi({ method, path, socket, data, ifMatch, include }: RawRequest): Promise<number> {
  const body = data === "-" ? await text(process.stdin) : data;
  const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  const headers = {
    ...(body !== undefined && { "content-type": type, "content-length": Buffer.byteLength(body) }),
    ...(ifMatch !== undefined && { "if-match": ifMatch }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = http.request({ socketPath: socket, method, path, headers, agent: false }, (response) => {
      const { statusCode = 0, statusMessage } = response;
      if (statusCode >= 400) process.stderr.write(`heye-agent: ${statusCode} ${statusMessage}\n`);
      const isHead = method === "HEAD";
      if (include || isHead) process.stdout.write(headOf(response));
      if (include && !isHead) process.stdout.write("\n");
      response.on("data", (chunk: Buffer) => process.stdout.write(chunk));
      response.on("error", reject);
      response.on("end", () => {
        if (!isHead && response.headers["content-type"]?.endsWith("json")) process.stdout.write("\n");
        resolve(statusCode < 400 ? 0 : 1);
      });
    });
    outgoing.on("error", (error) => reject(new Error(`no agent answers on ${socket}: ${error.message}`)));
    outgoing.end(body);
  });
}

/** The first line and the header fields of an answer, a line each: among them `etag` and `heye-revision`. */
function headOf({ httpVersion, statusCode, statusMessage, rawHeaders }: http.IncomingMessage): string {
  const lines = [`HTTP/${httpVersion} ${statusCode} ${statusMessage}`];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  return `${lines.join("\n")}\n`;
}
