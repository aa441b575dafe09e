import * as z from "zod";
import { durationMs, port, wholeNumber } from "./fields";

/** When and how often a server is asked, the same for every kind of check. */
export const timing = {
  port: port.optional().describe("port to check; default: the real server's own port"),
  intervalMs: durationMs().default(1_000).describe("from the start of one check to the start of the next"),
  timeoutMs: durationMs().default(1_000).describe("a check without an answer by then has failed"),
  rise: wholeNumber(1, 100).default(2).describe("consecutive successes that make a server healthy"),
  fall: wholeNumber(1, 100)
    .default(2)
    .describe(
      "consecutive failures that make it unhealthy; kept for continuous checks, a change waits on rise alone",
    ),
  deadlineMs: durationMs().default(30_000).describe("how long a change waits for a server to become healthy"),
  forwardingCheck: z
    .boolean({ error: "expected true or false" })
    .optional()
    .describe("dr and tun: check by way of the virtual address as well; default: true"),
};

interface Timing {
  readonly intervalMs: number;
  readonly rise: number;
  readonly deadlineMs: number;
}

/** A server that never fails must be able to become healthy before the change gives up. */
export const canRise = z.refine<Timing>(
  ({ rise, intervalMs, deadlineMs }) => (rise - 1) * intervalMs < deadlineMs,
  { path: ["rise"], error: ({ input }) => riseFault(input as Timing) },
);

function riseFault({ rise, intervalMs, deadlineMs }: Timing): string {
  const shortestMs = (rise - 1) * intervalMs;
  return `expected ${rise} checks, ${intervalMs} ms apart, to end before deadlineMs, found that they take ${shortestMs} of ${deadlineMs} ms: lower rise or intervalMs, or raise deadlineMs`;
}
