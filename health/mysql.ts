import type { Duplex } from "node:stream";
import { type Connection, createConnection } from "mysql2";
import type { HealthCheckOf } from "../spec";
import { type Checker, CheckFailedError } from "./checker";

/** How long a server that was too slow may still take to finish the handshake. */
const AFTERWARDS_MS = 10_000;

/**
 * A login and one statement, and the session closed in order. Servers block a host after max_connect_errors
 * handshakes that were cut off, so a check whose time is up answers at once but lets its handshake end by itself, for
 * 10 s more. Only a server that is slower than that sees its handshake cut off.
 */
export const mysqlChecker: Checker<HealthCheckOf<"mysql">> = {
  async check(settings, target, dial, signal) {
    const stream = contained(await dial(target, signal));
    // 0: a timeout of the library's own would cut the handshake off.
    const { user, password, query } = settings;
    const connection = createConnection({ stream, user, password, connectTimeout: 0 });
    const conversation = converse(connection, query, signal);
    endWith(conversation, stream, signal);
    return Promise.race([conversation, aborted(signal)]);
  },
};

/**
 * The library throws on some packets that make no sense, out of the event that brings them, which would end the whole
 * process. Here the stream fails instead, and the check with it.
 */
function contained(stream: Duplex): Duplex {
  const emit = stream.emit.bind(stream) as (event: string | symbol, ...args: unknown[]) => boolean;
  stream.emit = (event: string | symbol, ...args: unknown[]) => {
    if (event !== "data") return emit(event, ...args);
    try {
      return emit(event, ...args);
    } catch {
      stream.destroy(new Error("answered something that is not MySQL"));
      return true;
    }
  };
  return stream;
}

/** Logs in, asks unless the time is up by then, and says goodbye. */
function converse(connection: Connection, query: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new CheckFailedError(error.message));
    const goodbye = () => connection.end(() => resolve("MySQL login and query succeeded"));
    connection.on("error", fail);
    connection.connect((refused) => {
      if (refused) fail(refused);
      else if (signal.aborted) goodbye();
      else connection.query(query, (error) => (error ? fail(error) : goodbye()));
    });
  });
}

/**
 * Lets go of the stream when the conversation is over: after a goodbye when the server has gone too, which must have
 * read it by then, otherwise at once. At the latest some time after the check's own end.
 */
function endWith(conversation: Promise<string>, stream: Duplex, signal: AbortSignal): void {
  let timer: NodeJS.Timeout | undefined;
  const late = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stream.destroy(), AFTERWARDS_MS).unref();
  };
  if (signal.aborted) late();
  else signal.addEventListener("abort", late, { once: true });
  const over = () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", late);
    stream.on("error", () => undefined).destroy();
  };
  stream.once("end", over).once("close", over);
  conversation.then(late, over);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
