import type { Duplex } from "node:stream";
import { type Connection, createConnection } from "mysql2";
import type { HealthCheckOf } from "../spec";
import { type Checker, CheckFailedError } from "./checker";
import { ask, askRole } from "./mysql-role";

/** How much of what a server says is listened to: more than any answer to a check, and no danger to our memory. */
const SAID_MAX = 1024 * 1024;

/** How long a server that was too slow may still take to finish the handshake. */
const AFTERWARDS_MS = 10_000;

/**
 * A login, one statement, what is asked of the server's role, and the session closed in order. Servers block a host
 * after max_connect_errors handshakes that were cut off, so a check whose time is up answers at once but lets its
 * handshake end by itself, for 10 s more. Only a server that is slower than that sees its handshake cut off.
 */
export const mysqlChecker: Checker<HealthCheckOf<"mysql">> = {
  async check(settings, target, dial, signal) {
    const stream = contained(await dial(target, signal));
    // 0: a timeout of the library's own would cut the handshake off.
    const { user, password } = settings;
    const connection = createConnection({ stream, user, password, connectTimeout: 0 });
    const login = logIn(connection);
    const conversation =
      user === undefined
        ? refused(login, connection)
        : login.then(() => converse(connection, settings, signal));
    endWith(login, conversation, stream, signal);
    return Promise.race([conversation, aborted(signal)]);
  },
};

/**
 * The library throws on some packets that make no sense, out of the event that brings them, which would end the whole
 * process, and keeps an answer that does not end for as long as it goes on. Here the stream fails instead, and the check with it.
 */
function contained(stream: Duplex): Duplex {
  const emit = stream.emit.bind(stream) as (event: string | symbol, ...args: unknown[]) => boolean;
  let said = 0;
  stream.emit = (event: string | symbol, ...args: unknown[]) => {
    if (event !== "data") return emit(event, ...args);
    said += (args[0] as Buffer).length;
    if (said > SAID_MAX) {
      stream.destroy(new Error(`said more than ${SAID_MAX / 1024} KiB`));
      return true;
    }
    try {
      return emit(event, ...args);
    } catch {
      stream.destroy(new Error("answered something that is not MySQL"));
      return true;
    }
  };
  return stream;
}

function logIn(connection: Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new CheckFailedError(error.message, { cause: error }));
    connection.on("error", fail);
    connection.connect((refused) => (refused ? fail(refused) : resolve()));
  });
}

/** How a server refuses a login that it has heard to the end; a handshake that is not cut counts against nobody. */
const REFUSALS: ReadonlySet<unknown> = new Set([
  "ER_ACCESS_DENIED_ERROR",
  "ER_ACCESS_DENIED_NO_PASSWORD_ERROR",
  "ER_NOT_SUPPORTED_AUTH_MODE",
]);

/** The check without an account: a server that refuses nobody's login works as well as one that lets him in. */
async function refused(login: Promise<void>, connection: Connection): Promise<string> {
  try {
    await login;
    return "MySQL login succeeded";
  } catch (error) {
    if (error instanceof CheckFailedError && REFUSALS.has((error.cause as { code?: unknown }).code))
      return "MySQL asks for a login";
    throw error;
  } finally {
    connection.end();
  }
}

/** Asks, unless the time is up already, and says goodbye whatever the answers were. */
async function converse(
  connection: Connection,
  settings: HealthCheckOf<"mysql">,
  signal: AbortSignal,
): Promise<string> {
  try {
    if (signal.aborted) return "MySQL login succeeded";
    await ask(connection, settings.query);
    return ["MySQL login and query succeeded", ...(await askRole(connection, settings))].join(", ");
  } finally {
    connection.end();
  }
}

/**
 * Lets go of the stream: at once when there is no login, else when the server has read the goodbye and gone. At the latest
 * some time after the check's own end.
 */
function endWith(
  login: Promise<void>,
  conversation: Promise<string>,
  stream: Duplex,
  signal: AbortSignal,
): void {
  let timer: NodeJS.Timeout | undefined;
  const late = () => {
    clearTimeout(timer);
    if (!stream.destroyed) timer = setTimeout(over, AFTERWARDS_MS).unref();
  };
  const over = () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", late);
    stream.on("error", () => undefined).destroy();
  };
  if (signal.aborted) late();
  else signal.addEventListener("abort", late, { once: true });
  stream.once("end", over).once("close", over);
  login.catch(over);
  conversation.then(late, late);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
