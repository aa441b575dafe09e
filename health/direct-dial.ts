import * as net from "node:net";
import type { Dial } from "./checker";
import { dialDatagrams } from "./udp-dial";

/** How {@link directDial} connects. */
export interface DirectDialOptions {
  /** Local address of connections whose target names none. Default: what the routes say. */
  readonly sourceAddress?: string | undefined;
}

/**
 * Dials from this very host, for a process that runs on the director itself. Connections are closed with a reset: one
 * that is closed in order stays in TIME_WAIT for a minute, and thousands of checks a second would use up all ports.
 */
export function directDial({ sourceAddress }: DirectDialOptions = {}): Dial {
  return (target, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const localAddress = target.sourceAddress ?? sourceAddress;
      if (target.transport === "udp") return resolve(dialDatagrams(target, localAddress, signal));
      const socket = new ResetSocket();
      const abort = () => {
        reject(signal.reason);
        socket.destroy();
      };
      signal.addEventListener("abort", abort, { once: true });
      let hasBegun = false;
      socket.once("error", (error: NodeJS.ErrnoException) => {
        const cause = !hasBegun && { cause: error };
        reject(new Error(`cannot connect: ${error.code ?? error.message}`, { ...cause }));
      });
      socket.once("connect", () => resolve(socket));
      socket.once("close", () => signal.removeEventListener("abort", abort));
      socket.connect({
        host: target.address,
        port: target.port,
        autoSelectFamily: false,
        ...(localAddress !== undefined && { localAddress }),
      });
      // By then the system has been asked, and has begun or refused. What it says later it has heard from the network: a
      // router that has lost its way to the server has the same word for it, ENETUNREACH, as we for having no route.
      process.nextTick(() => {
        hasBegun = !socket.destroyed;
      });
    });
}

/** A socket whose every end is a reset, whoever ends it. */
class ResetSocket extends net.Socket {
  #resetting = false;
  #reason: Error | undefined;

  override destroy(error?: Error): this {
    // The system refuses a reset while a goodbye is on its way; before there is a connection there is nothing to reset.
    const leaving = this.writableEnded && !this.writableFinished;
    if (this.#resetting || this.pending || leaving) return super.destroy(error ?? this.#reason);
    this.#resetting = true;
    this.#reason = error;
    return this.resetAndDestroy();
  }
}
