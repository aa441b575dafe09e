import type { IncomingMessage } from "node:http";
import { CheckFailedError } from "./checker";

/**
 * The start of a body as text (UTF-8), at most so many bytes of it. Reading stops there: a body without an end is no
 * more work than a short one.
 *
 * @throws CheckFailedError when the server breaks off before that
 */
export function readStart(response: IncomingMessage, maxBytes: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    const finish = () => resolve(Buffer.concat(parts).subarray(0, maxBytes).toString("utf8"));
    response.on("data", (part: Buffer) => {
      parts.push(part);
      bytes += part.length;
      if (bytes < maxBytes) return;
      finish();
      response.destroy();
    });
    response.on("end", finish);
    response.on("close", () =>
      reject(signal.aborted ? signal.reason : new CheckFailedError("closed the connection within its body")),
    );
  });
}
