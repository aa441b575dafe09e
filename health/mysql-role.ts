import type { Connection, QueryError, RowDataPacket } from "mysql2";
import type { HealthCheckOf } from "../spec";
import { CheckFailedError } from "./checker";

type Role = Pick<HealthCheckOf<"mysql">, "readOnly" | "maxLagMs">;

/**
 * Asks a server that is logged in to whether it is the writer or the reader it should be.
 *
 * @returns what it said, one part an expectation
 * @throws CheckFailedError when it is not, or may not tell
 */
export async function askRole(connection: Connection, { readOnly, maxLagMs }: Role): Promise<string[]> {
  const said: string[] = [];
  if (readOnly !== undefined) said.push(await askReadOnly(connection, readOnly));
  if (maxLagMs !== undefined) said.push(await askLag(connection, maxLagMs));
  return said;
}

/** One statement; what the server has against it is its answer. */
export function ask(connection: Connection, statement: string): Promise<RowDataPacket[]> {
  return new Promise((resolve, reject) => {
    connection.query<RowDataPacket[]>(statement, (error: Refusal | null, rows) =>
      error
        ? reject(new CheckFailedError(error.message, { cause: error }))
        : // A server may say "done" to a question for rows.
          resolve(Array.isArray(rows) ? rows : []),
    );
  });
}

type Refusal = Pick<QueryError, "message" | "errno">;

async function askReadOnly(connection: Connection, expected: boolean): Promise<string> {
  const [row] = await ask(connection, "SELECT @@global.read_only AS read_only");
  const said = String(row?.read_only ?? "").toUpperCase();
  if (said === "") throw new CheckFailedError("does not say whether it is read_only");
  // A number, and a word since MariaDB has more than two of them.
  const found = !["0", "OFF"].includes(said);
  const words = `read_only is ${found ? "on" : "off"}`;
  if (found !== expected) throw new CheckFailedError(`${words}, expected ${expected ? "on" : "off"}`);
  return words;
}

/** Every source that a server follows has to be near enough; MariaDB shows the one without a name. */
async function askLag(connection: Connection, maxLagMs: number): Promise<string> {
  const sources = await replicaStatus(connection);
  if (sources.length === 0) throw new CheckFailedError("is no replica: it follows no source");
  const lags = sources.map((row) => row.Seconds_Behind_Source ?? row.Seconds_Behind_Master);
  if (lags.some((lag) => lag === null || lag === undefined)) {
    throw new CheckFailedError("replication does not run");
  }
  const lagS = Math.max(...lags.map(Number));
  const words = `${lagS} s behind its source`;
  if (lagS * 1_000 <= maxLagMs) return words;
  throw new CheckFailedError(`${words}, expected ${maxLagMs} ms at most`);
}

/** How MySQL says that it does not know a statement. */
const PARSE_ERROR = 1064;

/** The statement's name of today, or that of MySQL before 8.0.22 and MariaDB before 10.5. */
async function replicaStatus(connection: Connection): Promise<RowDataPacket[]> {
  try {
    return await ask(connection, "SHOW REPLICA STATUS");
  } catch (error) {
    const cause = error instanceof Error ? (error.cause as Refusal | undefined) : undefined;
    if (cause?.errno !== PARSE_ERROR) throw error;
    return await ask(connection, "SHOW SLAVE STATUS");
  }
}
