import { join } from "node:path";
import type { Lab } from "../../lab";
import type { TrafficReport } from "../../lab/world/traffic";
import { type Connections, connectionsSince, readConnections } from "./counters";
import { table } from "./table";

/** What a service's servers say of themselves, beside what the directors' kernels counted. */
export interface Account {
  readonly service: string;
  /** Requests by server, by its own log. */
  readonly servers: ReadonlyMap<string, number>;
  readonly connections: Connections;
  readonly failed: number;
  readonly errors: readonly string[];
}

/** Requests from the client to an HTTP or TCP service, counted on both sides. */
export async function countTraffic(
  lab: Lab,
  service: string,
  url: string,
  log: "http" | "tcp",
  send: () => Promise<TrafficReport>,
): Promise<Account> {
  const before = await readConnections(lab);
  await lab.resetCounts();
  const report = await send();
  const counts = await lab.serverCounts();
  const servers = new Map(Object.entries(counts).map(([name, count]) => [name, count[log]]));
  const answered = report.requests - report.failed;
  const connections = await connectionsSince(lab, before, service, answered);
  const errors = Object.entries(report.errors).map(([text, times]) => `${times} x ${text} (${url})`);
  return { service, servers: nonZero(servers), connections, failed: report.failed, errors };
}

/** Connections from the client to the MySQL service, counted by the server and by the kernels. */
export async function countQueries(lab: Lab, service: string, host: string, count: number): Promise<Account> {
  const { mysql } = lab.inventory;
  const before = await readConnections(lab);
  const { user = "", password = "", database = "" } = mysql?.application ?? {};
  const program = join(__dirname, "query.js");
  const ran = await lab.exec("client", [
    process.execPath,
    program,
    host,
    user,
    password,
    database,
    String(count),
  ]);
  const connections = await connectionsSince(lab, before, service, count);
  const counted = Number(ran.stdout.trim() || 0);
  const errors = ran.code === 0 ? [] : [ran.stderr.trim()];
  return { service, servers: new Map([["db1", counted]]), connections, failed: count - counted, errors };
}

/** One table for all accounts: a row a server, a column a director. Says so when the two counts do not agree. */
export function renderAccounts(lab: Lab, accounts: readonly Account[]): string {
  const directors = lab.inventory.directors.map(({ name }) => name);
  const nameOf = new Map(
    lab.inventory.servers.flatMap(({ name, address, address6 }) => [
      [address, name],
      [address6, name],
    ]),
  );
  const rows: (string | number)[][] = [["virtual server", "server", ...directors, "IPVS", "server's log"]];
  for (const account of accounts) {
    for (const destination of destinationsOf(account)) {
      const server = nameOf.get(addressOf(destination)) ?? destination;
      const counts = directors.map((director) => account.connections.get(director)?.get(destination) ?? 0);
      const total = counts.reduce((a, b) => a + b, 0);
      rows.push([account.service, server, ...counts, total, account.servers.get(server) ?? 0]);
    }
  }
  const errors = accounts.flatMap((account) => account.errors);
  const failed = accounts.reduce((sum, account) => sum + account.failed, 0);
  return [table(rows), "", `  errors: ${failed}`, ...errors.map((text) => `    ${text}`)].join("\n");
}

/** True when nothing failed and, for every server, the kernels and the server counted the same. */
export function agrees(lab: Lab, account: Account): boolean {
  const addresses = new Map(
    lab.inventory.servers.flatMap(({ name, address, address6 }) => [
      [address, name],
      [address6, name],
    ]),
  );
  return (
    account.failed === 0 &&
    destinationsOf(account).every((destination) => {
      const total = [...account.connections.values()].reduce(
        (sum, counts) => sum + (counts.get(destination) ?? 0),
        0,
      );
      return total === (account.servers.get(addresses.get(addressOf(destination)) ?? "") ?? 0);
    })
  );
}

function destinationsOf({ connections }: Account): string[] {
  return [...new Set([...connections.values()].flatMap((counts) => [...counts.keys()]))].sort();
}

function addressOf(destination: string): string {
  return destination.slice(0, destination.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}

function nonZero(counts: ReadonlyMap<string, number>): Map<string, number> {
  return new Map([...counts].filter(([, count]) => count > 0));
}
