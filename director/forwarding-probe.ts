import { Duplex, type Readable } from "node:stream";
import type { Dial } from "../health";
import { renderTable } from "../ipvs";
import { desiredDestination } from "./desired";
import { ForwardingCheckError } from "./errors";
import type { ForwardingPath } from "./forwarding-path";

/** Set-up takes some twenty short commands on the director. */
const READY_TIMEOUT_MS = 20_000;
/** In place of an answer that did not come in time. */
const LATE = "late";
/** Taking it away takes a handful. */
const CLOSE_TIMEOUT_MS = 10_000;

/**
 * Standard input of the script in forwarding-script.ts, up to the place where it waits for "connect". Its table has the
 * one service and the one server, with the very options that the director's own table has for it.
 *
 * @param lifetimeS after so many seconds the director ends it, whoever still listens
 */
export function probeInput({ address, port, member }: ForwardingPath, lifetimeS: number): string {
  const { forwarding, tunnel } = member;
  const destination = desiredDestination(
    { address: member.address, port, weight: 1, forwarding, tunnel },
    "rr",
  );
  const service = { protocol: "tcp", address, port, scheduler: "rr", extra: "" } as const;
  const rules = renderTable([{ ...service, destinations: [destination] }]);
  return `${lifetimeS} ${address} ${port} ${member.address} ${member.forwarding}\n${rules}`;
}

/** The command in forwarding-script.ts at work: its standard input and output. It closes when the command has ended. */
export interface ProbeChannel extends Duplex {
  /** What it complains of. */
  readonly stderr: Readable;
}

/** One connection to a server through the forwarding path, set up and waiting to be made. */
export class ForwardingProbe {
  readonly #closed: Promise<void>;
  readonly #lines: LineReader;
  readonly #complaints: Buffer[] = [];

  private constructor(
    private readonly director: string,
    private readonly channel: ProbeChannel,
  ) {
    channel.on("error", () => undefined);
    channel.stderr.on("data", (chunk: Buffer) => this.#complaints.push(chunk));
    this.#closed = new Promise((resolve) => channel.once("close", () => resolve()));
    this.#lines = new LineReader(channel);
  }

  /**
   * Has a director set up everything for one connection.
   *
   * @param channel of the command in forwarding-script.ts
   * @returns "local" when the server is the director itself: nothing is forwarded then
   * @throws ForwardingCheckError when the director cannot
   */
  static async open(
    director: string,
    channel: ProbeChannel,
    path: ForwardingPath,
    lifetimeS: number,
  ): Promise<ForwardingProbe | "local"> {
    const probe = new ForwardingProbe(director, channel);
    channel.write(probeInput(path, lifetimeS));
    const answer = await within(READY_TIMEOUT_MS, probe.#lines.answer(), LATE);
    if (answer === "ready") return probe;
    await probe.close();
    if (answer === "local") return "local";
    // A director that is slow now may be quicker next time; what it lacks it will lack again.
    if (answer === LATE) {
      throw new Error(
        `director ${director} did not set the forwarding path up within ${READY_TIMEOUT_MS / 1000} s`,
      );
    }
    throw probe.#cannot(answer);
  }

  /** Makes the connection, once. Where the check wants to go does not matter: this leads to the end of the path. */
  readonly dial: Dial = async (_target, signal) => {
    signal.throwIfAborted();
    this.channel.write("connect\n");
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    const answer = await Promise.race([this.#lines.answer(), aborted]);
    if (answer !== "open") {
      await this.close();
      throw new Error(`cannot connect: ${this.#said().replace(/^.*: /s, "") || answer}`);
    }
    this.channel.write("go\n");
    return new ProbeStream(this.channel, this.#lines.release());
  };

  /** Ends it; resolves when the director has taken everything away, at the latest after 10 s. */
  async close(): Promise<void> {
    this.channel.end();
    this.channel.resume();
    await within(CLOSE_TIMEOUT_MS, this.#closed, undefined);
    this.channel.destroy();
  }

  #said(): string {
    return Buffer.concat(this.#complaints).toString("utf8").trim();
  }

  #cannot(answer: string): ForwardingCheckError {
    const [word, ...rest] = answer.split(" ");
    const text = rest.join(" ");
    switch (word) {
      case "missing":
        return new ForwardingCheckError(this.director, `there is no ${text} on its PATH`);
      case "unsafe":
        return new ForwardingCheckError(
          this.director,
          `expected ${text} to be a folder of the user that checks`,
        );
      case "failed":
        return new ForwardingCheckError(this.director, `${text} failed: ${this.#lines.rest().trim()}`);
      default:
        return new ForwardingCheckError(
          this.director,
          `it answered ${JSON.stringify(answer)}: ${this.#said()}`,
        );
    }
  }
}

async function within<T, F>(timeoutMs: number, work: Promise<T>, otherwise: F): Promise<T | F> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<F>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), timeoutMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** Reads the script's answers, one line each, until what follows is the connection's own. */
class LineReader {
  #text: Buffer = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(private readonly channel: ProbeChannel) {
    channel.on("data", this.#take);
    channel.once("close", this.#end);
  }

  /** The next answer without its prefix; what came instead when the channel ended without one. */
  async answer(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.toString("utf8", 0, end);
        this.#text = this.#text.subarray(end + 1);
        if (line.startsWith("heye 1 ")) return line.slice("heye 1 ".length);
      } else if (this.#ended) return this.rest();
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  /** What has come after the last answer. */
  rest(): string {
    return this.#text.toString("utf8");
  }

  /** Reads no more, and hands over what has come already. */
  release(): Buffer {
    this.channel.off("data", this.#take).off("close", this.#end);
    return this.#text;
  }

  readonly #take = (chunk: Buffer): void => {
    this.#text = Buffer.concat([this.#text, chunk]);
    this.#wake();
  };

  readonly #end = (): void => {
    this.#ended = true;
    this.#wake();
  };
}

/** The connection. Destroying it ends the channel's input alone, so that the director is seen to clean up. */
class ProbeStream extends Duplex {
  constructor(
    private readonly channel: ProbeChannel,
    first: Buffer,
  ) {
    super();
    if (first.length > 0) this.push(first);
    channel.on("data", (chunk: Buffer) => this.push(chunk));
    channel.once("end", () => this.push(null));
    channel.once("close", () => this.destroy());
  }

  override _read(): void {
    // What a check reads is small: it is pushed as it comes.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.channel.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.channel.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.channel.end();
    done(error);
  }
}
