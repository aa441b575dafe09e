import * as pulumi from "@pulumi/pulumi";

/** When and how often a server is asked; the same for every kind of check. */
export interface CheckTimingArgs {
  /** Port to check. Default: the real server's own port. */
  port?: pulumi.Input<number>;
  /** Milliseconds from the start of one check to the start of the next. Default 1000. */
  intervalMs?: pulumi.Input<number>;
  /** A check without an answer after so many milliseconds has failed. Default 1000. */
  timeoutMs?: pulumi.Input<number>;
  /** Consecutive successes that make a server healthy. Default 2. */
  rise?: pulumi.Input<number>;
  /** How many milliseconds a change waits for a server to become healthy. Default 30000. */
  deadlineMs?: pulumi.Input<number>;
}

/** HTTP request; any 2xx or 3xx answer is healthy. */
export interface HttpCheckArgs extends CheckTimingArgs {
  type: "http";
  /** Path and query. Default `/`. */
  path?: pulumi.Input<string>;
  /** Request method. Default `HEAD`. */
  method?: pulumi.Input<"HEAD" | "GET">;
  /** Host header. Default: the server's address. */
  host?: pulumi.Input<string>;
}

/** TCP handshake. */
export interface TcpCheckArgs extends CheckTimingArgs {
  type: "tcp";
}

/** MySQL or MariaDB: login and one statement. */
export interface MysqlCheckArgs extends CheckTimingArgs {
  type: "mysql";
  /** Account that logs in; it needs no privilege but to connect. */
  user: pulumi.Input<string>;
  /** Its password. Kept secret. */
  password?: pulumi.Input<string>;
  /** Statement that must succeed. Default `SELECT 1`. */
  query?: pulumi.Input<string>;
}

/** No check: servers are let in at once, and preview says so. */
export interface NoCheckArgs {
  type: "none";
}

/** What proves that a real server works. Checks are made from every director. */
export type HealthCheckArgs = HttpCheckArgs | TcpCheckArgs | MysqlCheckArgs | NoCheckArgs;

/** The same check with its password marked as secret. */
export function withSecretPassword(check: HealthCheckArgs | undefined): HealthCheckArgs | undefined {
  if (check?.type !== "mysql" || check.password === undefined) return check;
  return { ...check, password: pulumi.secret(check.password) };
}
