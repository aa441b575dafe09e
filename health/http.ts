import * as http from "node:http";
import type { Duplex } from "node:stream";
import { endpoint, type HealthCheckOf, includesStatus } from "../spec";
import { readStart } from "./body";
import { type Checker, CheckFailedError, type Target } from "./checker";
import { BUDGET_MS, searchRegex } from "./regex-search";
import { encrypt } from "./tls";

type HttpCheck = HealthCheckOf<"http">;

/** How much of a body is read and searched, in bytes. */
const BODY_MAX = 64 * 1024;

/**
 * HTTP/1.1 request, over TLS if it is wanted. Alive is a status among the expected ones and, where one is named, a body
 * whose start holds the expected text. Redirects are not followed. Of a body nothing is ever repeated: it may hold
 * anything.
 */
export const httpChecker: Checker<HttpCheck> = {
  async check(settings, target, dial, signal) {
    // Its errors reach whoever reads; those that come after the last reader would end the process.
    const bare = (await dial(target, signal)).on("error", () => undefined);
    try {
      const stream = settings.tls
        ? await encrypt(bare, settings.tls, nameOf(settings, target), signal)
        : bare;
      return await judge(settings, await request(settings, target, stream, signal), signal);
    } finally {
      bare.destroy();
    }
  },
};

/** Whom a certificate is to name: the host that is asked for, without its port, or else the address. */
function nameOf({ host }: HttpCheck, target: Target): string {
  if (host === undefined) return target.address;
  return /^\[(.*)\](?::\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, "");
}

function request(
  settings: HttpCheck,
  target: Target,
  stream: Duplex,
  signal: AbortSignal,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = http.request({
      method: settings.method,
      path: settings.path,
      headers: {
        host: settings.host ?? endpoint(target.address, target.port),
        connection: "close",
        "user-agent": "heye-health-check",
        ...settings.headers,
      },
      createConnection: () => stream as never,
    });
    const abort = () => outgoing.destroy(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    // An error that nobody would hear of is not made: it costs more than the rest of a check.
    let settled = false;
    const fail = (error: () => Error) => {
      if (!settled) reject(error());
      settled = true;
    };
    const answered = (response: http.IncomingMessage) => {
      settled = true;
      // The stream is destroyed as soon as enough is known, which the response would call an error.
      resolve(response.on("error", () => undefined));
    };
    outgoing.on("response", answered);
    outgoing.on("upgrade", answered);
    outgoing.on("error", (error) =>
      fail(() => (signal.aborted ? error : new CheckFailedError(describe(error)))),
    );
    outgoing.on("close", () => fail(() => new CheckFailedError("closed the connection without an answer")));
    outgoing.end();
  });
}

async function judge(
  { expectedStatuses, bodyRegex }: HttpCheck,
  response: http.IncomingMessage,
  signal: AbortSignal,
): Promise<string> {
  const status = response.statusCode ?? 0;
  if (!includesStatus(expectedStatuses, status)) throw new CheckFailedError(`HTTP ${status}`);
  if (bodyRegex === undefined) return `HTTP ${status}`;
  const text = await readStart(response, BODY_MAX, signal);
  const found = await searchRegex(bodyRegex, text, signal);
  const where = text.length < BODY_MAX ? "its body" : `the first ${BODY_MAX / 1024} KiB of its body`;
  if (found === "found") return `HTTP ${status}, bodyRegex found in ${where}`;
  if (found === "absent") throw new CheckFailedError(`HTTP ${status}, but bodyRegex is not in ${where}`);
  throw new CheckFailedError(
    `HTTP ${status}, but looking for bodyRegex in ${where} took more than ${BUDGET_MS} ms: write one with fewer ways to match`,
  );
}

function describe(error: NodeJS.ErrnoException): string {
  if (error.code === "ECONNRESET") return "closed the connection without an answer";
  return error.code?.startsWith("HPE_") ? "answered something that is not HTTP" : error.message;
}
