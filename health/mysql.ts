import { type Connection, createConnection } from "mysql2";
import type { HealthCheckOf } from "../spec";
import { type Checker, CheckFailedError } from "./checker";

/**
 * A login and one statement. The handshake is always finished and the session closed in order: servers block a
 * host after max_connect_errors handshakes that were cut off.
 */
export const mysqlChecker: Checker<HealthCheckOf<"mysql">> = {
  async check(settings, target, dial, signal) {
    const stream = await dial(target, signal);
    const connection = createConnection({
      stream,
      user: settings.user,
      password: settings.password,
      connectTimeout: settings.timeoutMs,
    });
    try {
      return await login(connection, settings.query, signal);
    } finally {
      stream.destroy();
    }
  },
};

function login(connection: Connection, query: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(signal.aborted ? signal.reason : new CheckFailedError(error.message));
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    connection.on("error", fail);
    connection.query(query, (error) => {
      if (error) fail(error);
      else connection.end(() => resolve("MySQL login and query succeeded"));
    });
  });
}
