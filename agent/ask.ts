import * as http from "node:http";
import { connect } from "node:net";
import { hostname } from "node:os";
import { AGENT_PROTOCOL, PROTOCOL_HEADER } from "../director/data";
import { type DrainAnswer, drainText } from "./drain-answer";
import type { Explanation } from "./explanation";
import { sendFlows } from "./flow/command";
import type { Flow } from "./flow/flow";
import { flowText } from "./flow/text";
import type { MaintenanceState } from "./maintenance";
import type { Status } from "./status";
import { askStore } from "./store-command";
import { explanationText, statusText } from "./text";
import { topText } from "./top/text";
import { CLEAR, frames } from "./top/top";

/** What an operator asks on a director. */
export const COMMANDS = [
  "status",
  "explain",
  "drain",
  "undrain",
  "maintenance",
  "metrics",
  "store",
  "top",
  "relay",
] as const;

/** One of {@link COMMANDS}. */
export type Command = (typeof COMMANDS)[number];

/** A command with its arguments. */
export interface Asked {
  readonly command: Command;
  /**
   * What stands behind it: `ADDRESS:PORT` of a real server; `flow CLIENT:PORT ADDRESS:PORT`; `on`, `off`; of `store`, what
   * is to be done with it, and the file where a backup is, or is to be.
   */
  readonly words: readonly string[];
  readonly socket: string;
  readonly service?: string | undefined;
  /** Why there is maintenance. */
  readonly reason?: string | undefined;
  /** Print the agent's own JSON. */
  readonly json: boolean;
  /** Of `top`: one look, and no more. */
  readonly once: boolean;
  /** Of `explain flow`: hold what is computed against the kernel, by a packet. */
  readonly send: boolean;
  /** The folder of what must outlive the agent. */
  readonly state: string;
}

/** A request to the agent, and what people are shown of its answer. */
interface Question {
  readonly method: string;
  readonly path: string;
  readonly body?: string | undefined;
  readonly shown: (answer: unknown) => string;
}

/** Asks the agent of this director, and prints its answer. Returns the exit status. */
export async function ask(asked: Asked): Promise<number> {
  const { command, socket, json } = asked;
  if (command === "relay") return relay(socket);
  if (command === "store")
    return askStore(asked, (method, path, body) => request(socket, { method, path, body }));
  if (command === "top") return top(asked);
  const question = questionOf(asked);
  if (!question) {
    process.stderr.write(`heye-agent: ${command}: expected other words behind it, see \`heye-agent help\`\n`);
    return 2;
  }
  const { status, text } = await request(socket, question);
  if (status !== 200) {
    process.stderr.write(`heye-agent: ${problemIn(text)}\n`);
    return 1;
  }
  if (asked.send) return sendFlows(JSON.parse(text) as Flow[], asked.words.slice(1), asked);
  if (command === "metrics") process.stdout.write(text);
  else {
    const value: unknown = JSON.parse(text);
    process.stdout.write(json ? `${JSON.stringify(value, undefined, 2)}\n` : question.shown(value));
  }
  return 0;
}

/** Undefined: there is no such question. */
function questionOf({ command, words, service, reason, send }: Asked): Question | undefined {
  const [word = "", ...more] = words;
  const query = new URLSearchParams({ server: word, ...(service !== undefined && { service }) });
  if (command === "explain" && word === "flow") return more.length === 2 ? flowQuestion(more) : undefined;
  if (more.length > 0 || send) return undefined;
  const get = (path: string, shown: Question["shown"]): Question => ({ method: "GET", path, shown });
  if (command === "status") return get("/v1/status", (value) => statusText(value as Status, Date.now()));
  if (command === "metrics") return get("/metrics", String);
  if (command === "maintenance") return maintenanceQuestion(word, reason);
  if (command === "explain")
    return get(`/v1/explain?${query}`, (value) => explanationText(value as Explanation[]));
  const isDrain = command === "drain";
  const shown = (value: unknown) => drainText(word, isDrain ? "start" : "end", value as DrainAnswer);
  return { method: isDrain ? "POST" : "DELETE", path: `/v1/drains?${query}`, shown };
}

function flowQuestion([client = "", to = ""]: readonly string[]): Question {
  const query = new URLSearchParams({ client, to });
  return { method: "GET", path: `/v1/flow?${query}`, shown: (value) => flowText(value as Flow[]) };
}

function maintenanceQuestion(word: string, reason = ""): Question | undefined {
  const path = "/v1/maintenance";
  if (word === "off") return { method: "DELETE", path, shown: () => `${hostname()} is in service\n` };
  if (word !== "on") return undefined;
  const shown = (value: unknown) => {
    const { since, reason: words } = value as MaintenanceState;
    return `${hostname()} is in maintenance since ${new Date(since).toISOString()}${words && `: ${words}`}\n`;
  };
  return { method: "PUT", path, body: JSON.stringify({ reason }), shown };
}

/** Live rates, until somebody ends it. */
async function top({ socket, json, once }: Asked): Promise<number> {
  const traffic = async () => {
    const { status, text } = await request(socket, { method: "GET", path: "/v1/traffic" });
    if (status === 200) return JSON.parse(text) as unknown;
    throw new Error(problemIn(text));
  };
  const isScreen = process.stdout.isTTY && !json && !once;
  for await (const frame of frames(traffic)) {
    const title = `${hostname()}  ${new Date(frame.at).toISOString()}`;
    const text = topText(title, frame.rates, isScreen ? process.stdout.rows : undefined);
    process.stdout.write(json ? `${JSON.stringify(frame)}\n` : `${isScreen ? CLEAR : ""}${text}`);
    if (once) break;
  }
  return 0;
}

function problemIn(text: string): string {
  try {
    return (JSON.parse(text) as { detail?: string }).detail ?? text;
  } catch {
    return text;
  }
}

function request(
  socketPath: string,
  { method, path, body }: Pick<Question, "method" | "path" | "body">,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { [PROTOCOL_HEADER]: AGENT_PROTOCOL };
    const outgoing = http.request({ socketPath, method, path, headers, agent: false }, (response) => {
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
