import * as z from "zod";
import { durationMs, line, port, secret, token, wholeNumber, word } from "./fields";

/** When and how often a server is asked, the same for every kind of check. */
const timing = {
  port: port.optional().describe("port to check; default: the real server's own port"),
  intervalMs: durationMs().default(1_000).describe("from the start of one check to the start of the next"),
  timeoutMs: durationMs().default(1_000).describe("a check without an answer by then has failed"),
  rise: wholeNumber(1, 100).default(2).describe("consecutive successes that make a server healthy"),
  deadlineMs: durationMs().default(30_000).describe("how long a change waits for a server to become healthy"),
};

interface Timing {
  readonly intervalMs: number;
  readonly rise: number;
  readonly deadlineMs: number;
}

/** A server that never fails must be able to become healthy before the change gives up. */
const canRise = z.refine<Timing>(({ rise, intervalMs, deadlineMs }) => (rise - 1) * intervalMs < deadlineMs, {
  path: ["rise"],
  error: ({ input }) => riseFault(input as Timing),
});

function riseFault({ rise, intervalMs, deadlineMs }: Timing): string {
  const shortestMs = (rise - 1) * intervalMs;
  return `expected ${rise} checks, ${intervalMs} ms apart, to end before deadlineMs, found that they take ${shortestMs} of ${deadlineMs} ms: lower rise or intervalMs, or raise deadlineMs`;
}

/** HTTP: any 2xx or 3xx answer counts as alive. */
export const httpCheck = z
  .strictObject({
    type: z.literal("http"),
    path: token("a path that starts with /")
      .startsWith("/", { error: "expected a path that starts with /" })
      .default("/")
      .describe("path and query to ask for"),
    method: word(["HEAD", "GET"]).default("HEAD").describe("request method"),
    host: token("a host name").optional().describe("Host header; default: the server's address"),
    ...timing,
  })
  .check(canRise);

/** TCP: a completed handshake counts as alive. */
export const tcpCheck = z.strictObject({ type: z.literal("tcp"), ...timing }).check(canRise);

/** MySQL and MariaDB: a login followed by a query counts as alive. */
export const mysqlCheck = z
  .strictObject({
    type: z.literal("mysql"),
    user: line("a user name").describe("account that logs in; needs no privilege but to connect"),
    password: secret("a password").optional().describe("its password"),
    query: line("one SQL statement").default("SELECT 1").describe("statement that must succeed"),
    ...timing,
  })
  .check(canRise);

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
