import * as http from "node:http";
import { connect } from "node:net";
import type { Explanation, Status } from "./status";
import { explanationText, statusText } from "./text";

/** Asks the agent of this director, and prints its answer. Returns the exit status. */
export async function ask(
  command: "status" | "explain" | "relay",
  subject: string | undefined,
  socket: string,
  json: boolean,
): Promise<number> {
  if (command === "relay") return relay(socket);
  const path =
    command === "status" ? "/v1/status" : `/v1/explain?server=${encodeURIComponent(subject ?? "")}`;
  const { status, text } = await get(socket, path);
  const value: unknown = JSON.parse(text);
  if (status !== 200) {
    process.stderr.write(`heye-agent: ${(value as { detail?: string }).detail ?? text}\n`);
    return 1;
  }
  const shown =
    command === "status" ? statusText(value as Status, Date.now()) : explanationText(value as Explanation[]);
  process.stdout.write(json ? `${JSON.stringify(value, undefined, 2)}\n` : shown);
  return 0;
}

function get(socketPath: string, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === "ENOENT" || error.code === "ECONNREFUSED" ? "it does not run" : error.message;
      reject(new Error(`no agent answers on ${socketPath}: ${reason}`));
    });
  });
}

/** For logins that may become root through sudo, but cannot open root's socket over SSH. */
function relay(socketPath: string): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.on("error", (error) => {
      process.stderr.write(`heye-agent: no agent answers on ${socketPath}: ${error.message}\n`);
      resolve(1);
    });
    socket.on("close", () => resolve(0));
    process.stdin.pipe(socket);
    socket.pipe(process.stdout);
  });
}
