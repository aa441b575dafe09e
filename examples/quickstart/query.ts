import { randomUUID } from "node:crypto";
import { createConnection } from "mysql2/promise";

/**
 * Runs in the lab's client: opens that many connections to a MySQL server, one after another, writes a row over each, and
 * prints how many rows the server has then. Its own count of connections would be of no use: health checks connect too.
 * Arguments: host, user, password, database, count.
 */
async function main([host = "", user = "", password = "", database = "", count = "0"]: string[]) {
  const run = randomUUID();
  const ask = async (...statement: [sql: string, values?: string[]]): Promise<unknown> => {
    const connection = await createConnection({ host, user, password, database, connectTimeout: 5_000 });
    try {
      const [rows] = await connection.query(...statement);
      return rows;
    } finally {
      await connection.end();
    }
  };
  await ask("CREATE TABLE IF NOT EXISTS visits (run CHAR(36))");
  for (let made = 2; made < Number(count); made++) await ask("INSERT INTO visits VALUES (?)", [run]);
  const rows = await ask("SELECT COUNT(*) AS visits FROM visits WHERE run = ?", [run]);
  // With the first and the last connection, which wrote no row.
  console.log(String(Number((rows as { visits: number }[])[0]?.visits) + 2));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
