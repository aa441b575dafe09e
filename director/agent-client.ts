import * as http from "node:http";
import type { Duplex } from "node:stream";
import type { ClientChannel } from "ssh2";
import { AGENT_FILES } from "./agent-files";
import { AGENT_PROTOCOL, AGENT_SOCKET, PROTOCOL_HEADER, type ProblemAnswer } from "./agent-protocol";
import {
  AgentDownError,
  AgentRefusedError,
  ConnectionLostError,
  NotWritableError,
  SharedStoreError,
  UnexpectedAnswerError,
} from "./errors";
import type { SshSession } from "./ssh-session";

/** An agent that does not answer by then is taken for lost; a gate may wait longer, and says how long. */
const ANSWER_TIMEOUT_MS = 60_000;

/** Asks a director's agent, each question over a channel of its own. */
export class AgentClient {
  constructor(
    private readonly director: string,
    private readonly user: string,
    private readonly session: () => Promise<SshSession>,
  ) {}

  /**
   * One question.
   *
   * @param doing what for, in a message: "reading its table"
   * @throws AgentDownError, AgentRefusedError, ConnectionLostError, NotWritableError, SharedStoreError, UnexpectedAnswerError
   */
  async ask<T>(
    method: "GET" | "POST",
    path: string,
    body: unknown,
    doing: string,
    timeoutMs = ANSWER_TIMEOUT_MS,
  ): Promise<T> {
    const session = await this.session();
    const channel = await this.#open(session, doing);
    const { status, text } = await this.#exchange(channel, { method, path, body, doing, timeoutMs });
    const value = this.#parse(text);
    if (status === 200) return value as T;
    const { title, detail } = value as Partial<ProblemAnswer>;
    const words = detail ?? title ?? `status ${status}`;
    if (status === 507) throw new NotWritableError(this.director, words);
    if (status === 424) throw new SharedStoreError(this.director, words);
    if (status < 500) throw new AgentRefusedError(this.director, doing, words);
    // It has failed in the midst of it: what it will have made of it is not known.
    throw new UnexpectedAnswerError(this.director, "its agent to answer", words, AGENT_LOG);
  }

  /** Only root may open the socket; another login has a program of root's open it. */
  async #open(session: SshSession, doing: string): Promise<Duplex> {
    if (this.user !== "root") return session.openChannel(RELAY, doing);
    return session.openUnixSocket(AGENT_SOCKET, doing).catch((error: Error) => {
      if (error instanceof ConnectionLostError) throw error;
      throw new AgentDownError(this.director, error.message);
    });
  }

  #exchange(channel: Duplex, question: Question): Promise<{ status: number; text: string }> {
    const { method, path, body, doing, timeoutMs } = question;
    return new Promise((resolve, reject) => {
      const lost = (reason: string) => {
        channel.destroy();
        reject(new ConnectionLostError(this.director, doing, reason));
      };
      const timer = setTimeout(
        () => lost(`its agent gave no answer within ${timeoutMs / 1000} s`),
        timeoutMs,
      );
      const request = http.request({
        method,
        path,
        headers: {
          host: "agent",
          connection: "close",
          "content-type": "application/json",
          [PROTOCOL_HEADER]: AGENT_PROTOCOL,
        },
        createConnection: () => channel as never,
      });
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", (error) => lost(error.message));
        response.on("end", () => {
          clearTimeout(timer);
          channel.destroy();
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") });
        });
      });
      const complaints: Buffer[] = [];
      // Of a relay: what it says in place of an answer.
      (channel as Partial<ClientChannel>).stderr?.on("data", (chunk: Buffer) => complaints.push(chunk));
      request.on("error", (error) => {
        clearTimeout(timer);
        const said = Buffer.concat(complaints).toString("utf8").trim();
        if (said === "") return lost(`its agent hung up (${error.message})`);
        channel.destroy();
        reject(new AgentDownError(this.director, said));
      });
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw new UnexpectedAnswerError(this.director, "JSON from its agent", text.slice(0, 200));
    }
  }
}

const RELAY = `sudo -n ${AGENT_FILES.command} relay`;
const AGENT_LOG = "Why is in its log: `journalctl -u heye-agent`, or /run/heye/agent.log.";

interface Question {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body: unknown;
  readonly doing: string;
  readonly timeoutMs: number;
}
