import * as dgram from "node:dgram";
import { isIPv6 } from "node:net";
import { Duplex } from "node:stream";
import type { Target } from "./checker";

/**
 * A socket of this host that speaks UDP with one server alone. Nothing has been sent when it resolves: that a server is not
 * there shows when it is asked.
 *
 * @param localAddress absent: what the routes say
 */
export function dialDatagrams(
  target: Target,
  localAddress: string | undefined,
  signal: AbortSignal,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = dgram.createSocket(isIPv6(target.address) ? "udp6" : "udp4");
    const datagrams = new Datagrams(socket);
    const abort = () => {
      reject(signal.reason);
      datagrams.destroy();
    };
    signal.addEventListener("abort", abort, { once: true });
    datagrams.once("close", () => signal.removeEventListener("abort", abort));
    // Until then nothing has left this host: whatever is said is its own system's word.
    const refuse = (error: NodeJS.ErrnoException) => {
      reject(new Error(`cannot connect: ${error.code ?? error.message}`, { cause: error }));
      datagrams.destroy();
    };
    socket.once("error", refuse);
    socket.once("connect", () => {
      socket.off("error", refuse);
      datagrams.listen();
      resolve(datagrams);
    });
    if (localAddress !== undefined) socket.bind({ address: localAddress });
    socket.connect(target.port, target.address);
  });
}

/** A connected socket as a stream. What comes faster than it is read is lost, as the system itself has it. */
class Datagrams extends Duplex {
  #hasRoom = true;
  #hasSent = false;

  constructor(private readonly socket: dgram.Socket) {
    super({ readableObjectMode: true });
  }

  /** From now on what comes is the server's: datagrams, or the network's word that nobody takes them. */
  listen(): void {
    this.socket.on("message", (message) => {
      if (this.#hasRoom) this.#hasRoom = this.push(message);
    });
    this.socket.on("error", (error: NodeJS.ErrnoException) => this.destroy(failure(error)));
  }

  override _read(): void {
    this.#hasRoom = true;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // A later one may be refused for what the network had to say of the first.
    const isFirst = !this.#hasSent;
    this.#hasSent = true;
    this.socket.send(chunk, (error) => done(error && failure(error, isFirst)));
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.socket.on("error", () => undefined).close();
    done(error);
  }
}

function failure(error: NodeJS.ErrnoException, isOwn = false): Error {
  return new Error(`cannot connect: ${error.code ?? error.message}`, { ...(isOwn && { cause: error }) });
}
