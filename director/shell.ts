import { randomUUID } from "node:crypto";
import type { ClientChannel } from "ssh2";
import { shellCommand } from "./script";
import type { SshSession } from "./ssh-session";
import { failed } from "./state";

/** A request of script.ts: its words, and its body (empty for a read). */
export interface Request {
  readonly words: string;
  readonly body: string;
}

/** A director's answer to one request, and what it said of itself when the conversation began. */
export interface Reply {
  /** The request's: a later one may refer to what this one has told. */
  readonly id: string;
  readonly kernel: string;
  readonly text: string;
  readonly status: number;
}

/** A channel on which the script answers. */
interface Line {
  readonly channel: ClientChannel;
  /** What it said first: its kernel. */
  greeting?: string;
}

/** A director that does not answer by then is taken for lost. */
const ANSWER_TIMEOUT_MS = 60_000;
/** Begins the script's first line. */
const GREETING = "heye 2 ";
/** Longer than `end ID STATUS`. */
const TAIL_LENGTH = 64;

/**
 * A conversation with the script on a director, over one channel of a session: one request at a time, in the order they
 * are made. It begins with the first request. When it breaks, the request under way rejects with ConnectionLostError (what
 * became of it is not known) and the next one begins another. One that is not answered in time ends the session.
 */
export class Shell {
  #last: Promise<unknown> = Promise.resolve();
  #line: Line | undefined;

  constructor(
    private readonly session: SshSession,
    private readonly user: string,
  ) {}

  /**
   * Makes a request when those before it are answered.
   *
   * @param request asked for at that moment: what is known then is newer than what is known now
   * @throws ConnectionLostError; NotCapableError, UnexpectedAnswerError when the script did not even begin
   */
  ask(request: () => Request, doing: string): Promise<Reply> {
    const asked = this.#last.then(() => this.#exchange(request(), doing));
    this.#last = asked.catch(() => undefined);
    return asked;
  }

  async #exchange({ words, body }: Request, doing: string): Promise<Reply> {
    const id = randomUUID().slice(0, 8);
    const header = `${id} ${words}`;
    const known = this.#line;
    const first = known === undefined && body === "";
    const line = known ?? (await this.#open(first ? header : "", doing));
    const answered = this.#listen(line, id, doing);
    if (!first) line.channel.write(`${header}\n${body}`);
    return answered;
  }

  async #open(header: string, doing: string): Promise<Line> {
    const line: Line = { channel: await this.session.openChannel(shellCommand(this.user, header), doing) };
    this.#line = line;
    line.channel.once("close", () => this.#hangUp(line));
    return line;
  }

  #hangUp(line: Line): void {
    if (this.#line === line) this.#line = undefined;
  }

  #listen(line: Line, id: string, doing: string): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const { channel } = line;
      const [chunks, complaints]: [Buffer[], Buffer[]] = [[], []];
      let tail = "";
      let exited: number | undefined;
      const ending = new RegExp(`\\nend ${id} (\\d+)\\n$`);
      const timer = setTimeout(
        () => this.session.breakOff(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)),
        ANSWER_TIMEOUT_MS,
      );
      const hear = (chunk: Buffer) => {
        chunks.push(chunk);
        tail = `${tail}${chunk.subarray(-TAIL_LENGTH).toString("latin1")}`.slice(-TAIL_LENGTH);
        const status = ending.exec(tail)?.[1];
        if (status === undefined) return;
        stop();
        const text = Buffer.concat(chunks).toString("utf8");
        const reply = readReply(line, id, text.slice(0, text.lastIndexOf("\nend ")), Number(status));
        if (line.greeting === undefined) {
          this.#hangUp(line);
          channel.close();
        }
        resolve(reply);
      };
      const complain = (chunk: Buffer) => complaints.push(chunk);
      const exit = (code: number | null) => {
        exited = code ?? undefined;
      };
      const close = () => {
        stop();
        const said = Buffer.concat([...chunks, ...complaints]).toString("utf8");
        const begun = line.greeting !== undefined || said.startsWith(GREETING);
        if (exited === undefined || begun) reject(this.session.lostError(doing));
        else reject(failed(this.session.director, said, exited));
      };
      const stop = () => {
        clearTimeout(timer);
        channel.off("data", hear).off("exit", exit).off("close", close);
        channel.stderr.off("data", complain);
      };
      channel.on("data", hear).on("exit", exit).on("close", close);
      channel.stderr.on("data", complain);
    });
  }
}

/** Takes the greeting off the first answer; without one it is not the script that answers. */
function readReply(line: Line, id: string, text: string, status: number): Reply {
  if (line.greeting !== undefined) return { id, kernel: line.greeting, text, status };
  const end = text.indexOf("\n");
  if (end < 0 || !text.startsWith(GREETING)) return { id, kernel: "", text, status };
  line.greeting = text.slice(GREETING.length, end);
  return { id, kernel: line.greeting, text: text.slice(end + 1), status };
}
