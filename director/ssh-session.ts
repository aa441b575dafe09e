import type { Duplex } from "node:stream";
import { Client, type ClientChannel } from "ssh2";
import type { Target } from "../health";
import { endpoint, type HostConnection } from "../spec";
import { ConnectionLostError, ForwardingRefusedError, UnreachableError } from "./errors";
import { PendingDials } from "./pending-dials";
import { type Reply, type Request, Shell } from "./shell";
import { handshake } from "./ssh-handshake";

/** What a command on the director left behind. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Default of `perDialTimeout`, as in @pulumi/command. */
const DIAL_TIMEOUT_MS = 15_000;
/** A director that does not finish a command by then is taken for lost. */
const COMMAND_TIMEOUT_MS = 60_000;

/**
 * One authenticated SSH connection to a director. Commands are fixed texts; everything variable goes through
 * their standard input. When the connection breaks, everything under way rejects with ConnectionLostError and
 * `closed` turns true; a session never reconnects by itself (the pool opens a new one).
 */
export class SshSession {
  #closed = false;
  #lost: Error | undefined;
  #shell: Shell | undefined;
  readonly #dials = new PendingDials<ClientChannel>();

  private constructor(
    readonly director: string,
    private readonly client: Client,
  ) {
    // Each dial that waits listens for the end of the connection; there may be hundreds.
    client.setMaxListeners(0);
    client.on("error", (error) => {
      this.#lost = error;
    });
    client.on("close", () => {
      this.#closed = true;
    });
  }

  /** True once the connection is gone, for whatever reason. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Connects once, verifies the host key and logs in.
   *
   * @param through a session to a bastion, which stays open when this one closes
   * @throws UnreachableError, HostKeyError, HostKeyKindError, LoginError, PrivateKeyError
   */
  static async open(director: string, connection: HostConnection, through?: SshSession): Promise<SshSession> {
    const place = { address: connection.host, port: connection.port ?? 22 };
    const timeoutMs =
      connection.perDialTimeout === undefined ? DIAL_TIMEOUT_MS : connection.perDialTimeout * 1000;
    const signal = timeoutMs === 0 ? new AbortController().signal : AbortSignal.timeout(timeoutMs);
    const sock = through && (await dialThrough(director, through, place, signal));
    const client = new Client();
    const session = new SshSession(director, client);
    await handshake(client, director, connection, { sock, readyTimeout: timeoutMs });
    client.setNoDelay(true);
    return session;
  }

  /** Runs a fixed command, feeds it `input`, and waits for its end. */
  async run(
    command: string,
    input: string | Buffer,
    doing: string,
    timeoutMs = COMMAND_TIMEOUT_MS,
  ): Promise<CommandResult> {
    const channel = await this.openChannel(command, doing);
    return new Promise((resolve, reject) => {
      const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
      const timer = setTimeout(
        () => this.breakOff(new Error(`no end within ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      let exitCode: number | undefined;
      channel.on("data", (chunk: Buffer) => output.stdout.push(chunk));
      channel.stderr.on("data", (chunk: Buffer) => output.stderr.push(chunk));
      channel.on("exit", (code: number | null) => {
        exitCode = code ?? -1;
      });
      channel.on("close", () => {
        clearTimeout(timer);
        if (exitCode === undefined) return reject(this.lostError(doing));
        const [stdout, stderr] = [output.stdout, output.stderr].map((chunks) =>
          Buffer.concat(chunks).toString("utf8"),
        );
        resolve({ exitCode, stdout: stdout ?? "", stderr: stderr ?? "" });
      });
      channel.end(input);
    });
  }

  /** Starts a fixed command; its input and output are the channel's. */
  async openChannel(command: string, doing: string): Promise<ClientChannel> {
    const channel = await this.#request<ClientChannel>(doing, (done) => this.client.exec(command, done));
    return channel.on("error", () => undefined);
  }

  /** Asks the script on the director, as `user`; see {@link Shell}. */
  ask(user: string, request: () => Request, doing: string): Promise<Reply> {
    this.#shell ??= new Shell(this, user);
    return this.#shell.ask(request, doing);
  }

  /** Ends the connection at once; everything under way rejects, for this reason. */
  breakOff(reason: Error): void {
    this.#lost = reason;
    this.client.destroy();
  }

  /**
   * Opens a TCP connection from the director to a server (a forwarded channel). Gives up when `signal` fires; the
   * dial itself cannot be called back (see {@link PendingDials}).
   */
  dial(target: Target, signal: AbortSignal): Promise<Duplex> {
    const place = endpoint(target.address, target.port);
    return this.#dials.take(place, () => this.#openChannel(place, target), signal);
  }

  /** Opens a connection to a unix socket of the director; rejects with the words of its sshd when there is none. */
  async openUnixSocket(path: string, doing: string): Promise<ClientChannel> {
    const channel = await this.#request<ClientChannel>(doing, (done) =>
      this.client.openssh_forwardOutStreamLocal(path, done),
    );
    return channel.on("error", () => undefined);
  }

  /** Closes the connection; what is under way rejects. */
  close(): void {
    this.client.end();
  }

  #openChannel(place: string, target: Target): Promise<ClientChannel> {
    const opened = this.#request<ClientChannel>(`dialling ${place}`, (done) =>
      this.client.forwardOut("127.0.0.1", 0, target.address, target.port, done),
    ).then((channel) => channel.on("error", () => undefined));
    return opened.catch((error: Error) => {
      if (error instanceof ConnectionLostError) throw error;
      if (/prohibited/i.test(error.message)) throw new ForwardingRefusedError(this.director);
      throw new Error(`cannot connect: ${error.message.replace(/^\(SSH\) Channel open failure: /, "")}`);
    });
  }

  #request<T>(doing: string, send: (done: (error: Error | undefined, value: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.lostError(doing));
      const onClose = () => reject(this.lostError(doing));
      this.client.once("close", onClose);
      try {
        send((error, value) => {
          this.client.off("close", onClose);
          if (error) reject(error);
          else resolve(value);
        });
      } catch (error) {
        this.client.off("close", onClose);
        this.#lost = error instanceof Error ? error : new Error(String(error));
        reject(this.lostError(doing));
      }
    });
  }

  /** What a request comes to that the end of the connection cut off. */
  lostError(doing: string): ConnectionLostError {
    return new ConnectionLostError(this.director, doing, this.#lost?.message ?? "the director closed it");
  }
}

async function dialThrough(
  director: string,
  bastion: SshSession,
  place: Target,
  signal: AbortSignal,
): Promise<Duplex> {
  try {
    return await bastion.dial(place, signal);
  } catch (error) {
    const reason = `${bastion.director}: ${error instanceof Error ? error.message : String(error)}`;
    throw new UnreachableError(director, endpoint(place.address, place.port), 1, reason);
  }
}
