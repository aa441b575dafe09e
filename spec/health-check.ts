import * as z from "zod";
import { canRise, timing } from "./check-timing";
import { durationMs, line, secret } from "./fields";
import { httpCheck } from "./http-check";

/** TCP: a completed handshake counts as alive. */
export const tcpCheck = z.strictObject({ type: z.literal("tcp"), ...timing }).check(canRise);

/**
 * MySQL and MariaDB: a login followed by a query, on a server in the role that is named, counts as alive. Without a user a
 * server that refuses the login counts as alive: it has answered as one that works, and nothing more is known of it.
 */
export const mysqlCheck = z
  .strictObject({
    type: z.literal("mysql"),
    user: line("a user name")
      .optional()
      .describe(
        "account that logs in; but for maxLagMs it needs no privilege but to connect; without it a server that refuses the login is alive",
      ),
    password: secret("a password").optional().describe("its password"),
    query: line("one SQL statement").default("SELECT 1").describe("statement that must succeed"),
    readOnly: z
      .boolean({ error: "expected true or false" })
      .optional()
      .describe("what the server's global read_only must be: false for writers, true for readers"),
    maxLagMs: durationMs(0)
      .optional()
      .describe(
        "how far a replica may be behind; needs REPLICATION CLIENT, on MariaDB since 10.5 REPLICA MONITOR",
      ),
    ...timing,
  })
  .check(canRise)
  .check(
    z.refine<LoginCheck>((check) => check.user !== undefined || needingLogin(check) === undefined, {
      path: ["user"],
      error: ({ input }) => `expected a user name with ${needingLogin(input as LoginCheck)}, found nothing`,
    }),
  );

type LoginCheck = Readonly<Partial<Record<"user" | "password" | "query" | "readOnly" | "maxLagMs", unknown>>>;

/** What of a check is of no use without a login; undefined: nothing. */
function needingLogin({ password, query, readOnly, maxLagMs }: LoginCheck): string | undefined {
  if (password !== undefined) return "password";
  if (query !== "SELECT 1") return "query";
  if (readOnly !== undefined) return "readOnly";
  return maxLagMs === undefined ? undefined : "maxLagMs";
}

/** No check: servers are let in at once, and preview says so. */
export const noCheck = z.strictObject({ type: z.literal("none") });

/** Schema of {@link HealthCheck}. */
export const healthCheck = z
  .discriminatedUnion("type", [httpCheck, tcpCheck, mysqlCheck, noCheck], {
    error: "expected type to be one of http, tcp, mysql, none",
  })
  .describe("what proves that a real server works");

/** What proves that a real server works, in normal form (every default filled in). */
export type HealthCheck = z.output<typeof healthCheck>;
/** Settings of one kind of check, in normal form. */
export type HealthCheckOf<T extends HealthCheck["type"]> = Extract<HealthCheck, { type: T }>;
/** A check that asks something, i.e. all but `none`. */
export type ActiveHealthCheck = Exclude<HealthCheck, { type: "none" }>;
/** The health check as a user writes it. */
export type HealthCheckInput = z.input<typeof healthCheck>;
