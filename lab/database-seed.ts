/** The initialised data folder of the lab's MariaDB: made once on the machine, then only copied. */
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cached } from "../setup";
import { LabStartError } from "./errors";
import { MYSQL_ACCOUNTS } from "./inventory";
import { availableIn, layerEnvironment } from "./layer";
import type { DatabaseConfig } from "./world/config";

const execFileAsync = promisify(execFile);

/** To be raised whenever the accounts or the options change: the cache is keyed by it. */
const SEED = 1;

/** Small, as a lab's database is. The data and the server must agree on the log's size. */
const OPTIONS = [
  "--no-defaults",
  "--user=root",
  "--innodb-buffer-pool-size=16M",
  "--innodb-log-file-size=8M",
  "--performance-schema=OFF",
  // Newer servers reserve terabytes of addresses for growth, more than a guest has; older ones don't know the option.
  "--loose-innodb-buffer-pool-size-max=64M",
];

const SCRIPTS = [
  "mysql_system_tables.sql",
  "mysql_performance_tables.sql",
  "mysql_system_tables_data.sql",
  "maria_add_gis_sp_bootstrap.sql",
];

/** How a world runs its database: the data (made first, where it is not in the cache) and the server's arguments. */
export async function databaseConfig(layer: string): Promise<DatabaseConfig> {
  const program = availableIn(layer, "usr/sbin/mariadbd");
  const env = layerEnvironment(layer);
  const { stdout } = await execFileAsync(program, ["--no-defaults", "--version"], { env });
  const version = /Ver (\S+)/.exec(stdout)?.[1] ?? "unknown";
  const folder = await cached({
    name: "lab-database",
    version: `${version.replace(/[^A-Za-z0-9._+~-]/g, "-")}-${SEED}`,
    what: `an empty MariaDB ${version} for the lab`,
    build: (dir) => initialise(program, layer, dir),
  });
  return { seed: join(folder, "data"), arguments: [...OPTIONS, "--bind-address=*", "--skip-name-resolve"] };
}

async function initialise(program: string, layer: string, dir: string): Promise<void> {
  const share = availableIn(layer, "usr/share/mysql");
  const data = join(dir, "data");
  await mkdir(join(data, "mysql"), { recursive: true });
  const scripts = SCRIPTS.map((name) => join(share, name)).filter((path) => existsSync(path));
  const sql = await Promise.all(scripts.map((path) => readFile(path, "utf8")));
  const argv = [...OPTIONS, "--bootstrap", `--datadir=${data}`, `--lc-messages-dir=${share}`];
  await feed(program, [...argv, `--character-sets-dir=${share}/charsets`], layerEnvironment(layer), [
    "USE mysql;",
    ...sql,
    ACCOUNTS_SQL,
  ]);
}

const { user, password, application } = MYSQL_ACCOUNTS;

/** Constants of ours, without quotes in them. Bootstrap knows no accounts until it is told to read them. */
const ACCOUNTS_SQL = `
FLUSH PRIVILEGES;
CREATE DATABASE ${application.database};
CREATE USER '${user}'@'%' IDENTIFIED BY '${password}';
GRANT SELECT ON *.* TO '${user}'@'%';
CREATE USER '${application.user}'@'%' IDENTIFIED BY '${application.password}';
GRANT ALL ON ${application.database}.* TO '${application.user}'@'%';
`;

function feed(
  program: string,
  argv: string[],
  env: NodeJS.ProcessEnv,
  sql: readonly string[],
): Promise<void> {
  const child = spawn(program, argv, { env, stdio: ["pipe", "ignore", "pipe"] });
  let words = "";
  child.stderr.setEncoding("utf8");
  child.stderr.on("data", (chunk: string) => {
    words += chunk;
  });
  child.stdin.on("error", () => {});
  child.stdin.end(`${sql.join("\n")}\n`);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      // It goes on after a failed statement, and says so on stderr only.
      if (code === 0 && !/\bERROR\b/.test(words)) resolve();
      else
        reject(
          new LabStartError(
            `The lab's database could not be initialised (code ${code}):\n${words.slice(-2000)}`,
          ),
        );
    });
  });
}
