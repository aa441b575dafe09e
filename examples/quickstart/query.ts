import { createConnection } from "mysql2/promise";

/**
 * Runs in the lab's client: opens that many connections to a MySQL server, one after another, and prints how many the
 * server itself counted meanwhile. Arguments: host, user, password, count.
 */
async function main([host = "", user = "", password = "", count = "0"]: string[]): Promise<void> {
  const ask = async (): Promise<number> => {
    const connection = await createConnection({ host, user, password, connectTimeout: 5_000 });
    const [rows] = await connection.query("SHOW GLOBAL STATUS LIKE 'Connections'");
    await connection.end();
    return Number((rows as { Value: string }[])[0]?.Value);
  };
  const before = await ask();
  let last = before;
  for (let made = 1; made < Number(count); made++) last = await ask();
  console.log(String(last - before + 1));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
