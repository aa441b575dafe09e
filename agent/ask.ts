import * as http from "node:http";
import { connect } from "node:net";
import type { Explanation, Status } from "./status";
import { askStore } from "./store-command";
import { explanationText, statusText } from "./text";

/** What an operator asks on a director. */
export const COMMANDS = ["status", "explain", "drain", "undrain", "store", "relay"] as const;

/** One of {@link COMMANDS}. */
export type Command = (typeof COMMANDS)[number];

/** A command with its arguments. */
export interface Asked {
  readonly command: Command;
  /** `ADDRESS:PORT` of a real server; of `store`, what is to be done with it. */
  readonly subject?: string | undefined;
  /** Where a backup is, or is to be. */
  readonly file?: string | undefined;
  readonly socket: string;
  readonly service?: string | undefined;
  /** Print the agent's own JSON. */
  readonly json: boolean;
}

/** Asks the agent of this director, and prints its answer. Returns the exit status. */
export async function ask(asked: Asked): Promise<number> {
  const { command, socket, json } = asked;
  if (command === "relay") return relay(socket);
  if (command === "store")
    return askStore(asked, (method, path, body) => request(socket, method, path, body));
  const { status, text } = await request(socket, ...questionOf(asked));
  const value: unknown = JSON.parse(text);
  if (status !== 200) {
    process.stderr.write(`heye-agent: ${(value as { detail?: string }).detail ?? text}\n`);
    return 1;
  }
  process.stdout.write(json ? `${JSON.stringify(value, undefined, 2)}\n` : shown(asked, value));
  return 0;
}

function questionOf({ command, subject = "", service }: Asked): [method: string, path: string] {
  const query = new URLSearchParams({ server: subject, ...(service !== undefined && { service }) });
  if (command === "status") return ["GET", "/v1/status"];
  if (command === "explain") return ["GET", `/v1/explain?${query}`];
  return [command === "drain" ? "POST" : "DELETE", `/v1/drains?${query}`];
}

function shown({ command, subject }: Asked, value: unknown): string {
  if (command === "status") return statusText(value as Status, Date.now());
  if (command === "explain") return explanationText(value as Explanation[]);
  const { services } = value as { services: string[] };
  const what = command === "drain" ? "takes no new connections in" : "takes connections again in";
  return `${subject} ${what} ${services.join(", ")}\n`;
}

function request(
  socketPath: string,
  method: string,
  path: string,
  body?: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = http.request({ socketPath, method, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }),
      );
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === "ENOENT" || error.code === "ECONNREFUSED";
      reject(
        new Error(`no agent answers on ${socketPath}: ${isMissing ? "it does not run" : error.message}`),
      );
    });
    outgoing.end(body);
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
