import * as z from "zod";
import { canRise, timing } from "../check-timing";
import { durationMs, line, secret } from "../fields";

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
