/** What an agent answers on its socket, as any client gets it. */
import * as http from "node:http";

/** An answer, whole. */
export interface Answered {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

/** Asks once, over a connection of its own. */
export function ask(
  socketPath: string,
  path: string,
  {
    method = "GET",
    headers = {},
    body,
  }: { method?: string; headers?: http.OutgoingHttpHeaders; body?: string } = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, method, path, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const bytes = Buffer.concat(chunks);
        const { statusCode: status = 0, headers: got } = response;
        resolve({ status, headers: got, bytes, text: bytes.toString("utf8") });
      });
    });
    request.on("error", reject).end(body);
  });
}
