import * as http from "node:http";
import { endpoint, type HealthCheckOf } from "../spec";
import { type Checker, CheckFailedError, type Dial, type Target } from "./checker";

type HttpCheck = HealthCheckOf<"http">;

/** HTTP/1.1 request; 2xx and 3xx are alive (HeYe's rule). Redirects are not followed, bodies not read. */
export const httpChecker: Checker<HttpCheck> = {
  async check(settings, target, dial, signal) {
    const status = await request(settings, target, dial, signal);
    if (status >= 200 && status < 400) return `HTTP ${status}`;
    throw new CheckFailedError(`HTTP ${status}`);
  },
};

async function request(
  settings: HttpCheck,
  target: Target,
  dial: Dial,
  signal: AbortSignal,
): Promise<number> {
  const stream = await dial(target, signal);
  try {
    return await new Promise<number>((resolve, reject) => {
      const outgoing = http.request({
        method: settings.method,
        path: settings.path,
        headers: {
          host: settings.host ?? endpoint(target.address, target.port),
          connection: "close",
          "user-agent": "heye-health-check",
        },
        createConnection: () => stream as never,
        signal,
      });
      outgoing.on("response", (response) => {
        // The stream is destroyed as soon as the status is known, which the response would call an error.
        response.on("error", () => undefined);
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      outgoing.on("error", (error) => reject(signal.aborted ? error : new CheckFailedError(describe(error))));
      outgoing.end();
    });
  } finally {
    stream.destroy();
  }
}

function describe(error: NodeJS.ErrnoException): string {
  if (error.code === "ECONNRESET") return "closed the connection without an answer";
  return error.code?.startsWith("HPE_") ? "answered something that is not HTTP" : error.message;
}
