import * as z from "zod";
import { address, durationMs, port, wholeNumber } from "./fields";
import { serverAddress } from "./server-address";

/** An address that the director itself has. */
const ownAddress = address({
  unspecified: "it belongs to no host",
  broadcast: "it belongs to a whole network, checks come from one host",
  multicast: "it belongs to a group, checks come from one host",
  loopback: "no other host can answer to it",
  linkLocalIPv6: "a link-local address needs an interface: use a global or unique local one",
});

/** Where, when and how often a server is asked, the same for every kind of check. */
export const timing = {
  address: serverAddress.optional().describe("address to check; default: the real server's own"),
  port: port.optional().describe("port to check; default: the real server's own port"),
  sourceAddress: ownAddress
    .optional()
    .describe(
      "address of the director that checks come from; needs mode agent; default: what the director's routes say",
    ),
  intervalMs: durationMs().default(1_000).describe("from the start of one check to the start of the next"),
  retryMs: durationMs()
    .optional()
    .describe("from the start of a check that failed to the start of the next; default: intervalMs"),
  warmupMs: durationMs(0)
    .optional()
    .describe(
      "continuous checks: the first is made at some time within so long, the same for no two servers; default: intervalMs",
    ),
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
