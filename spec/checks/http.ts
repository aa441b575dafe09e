import * as z from "zod";
import { canonicalAddress } from "../address";
import { certificates } from "../certificates";
import { canRise, timing } from "../check-timing";
import { line, token, word } from "../fields";
import { headerFields } from "../header-fields";
import { statusRanges } from "../status-ranges";

/**
 * Methods of a check. They are safe (RFC 9110, 9.2.1): a check is made again and again, from every director, and must
 * change nothing on the server. So there is no POST.
 */
export const CHECK_METHODS = ["HEAD", "GET", "OPTIONS"] as const;

/** See {@link CHECK_METHODS}. */
export type CheckMethod = (typeof CHECK_METHODS)[number];

/** A DNS name, without a port. */
const NAME = /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?$/;

const checkTls = z
  .strictObject({
    serverName: line("a host name")
      .refine((text) => NAME.test(text) || canonicalAddress(text) !== undefined, {
        error: "expected a host name or an IP address, without a port",
      })
      .optional()
      .describe("name sent to the server and looked for in its certificate; default: host, else the address"),
    ca: certificates.optional().describe("certificates to trust in place of the system's, in PEM format"),
    insecure: z
      .boolean({ error: "expected true or false" })
      .optional()
      .describe("take any certificate: encrypted, but from nobody knows whom"),
  })
  .check(
    z.refine<{ ca?: string; insecure?: boolean }>(
      ({ ca, insecure }) => !(insecure === true && ca !== undefined),
      {
        path: ["insecure"],
        error: "expected either ca or insecure, found both: with insecure nothing is verified",
      },
    ),
  );

const bodyRegex = z
  .string({ error: "expected a regular expression as text" })
  .min(1, { error: "expected a regular expression, found an empty text" })
  .refine((text) => regexFault(text) === undefined, { error: ({ input }) => regexFault(String(input)) });

function regexFault(text: string): string | undefined {
  try {
    new RegExp(text, "u");
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(": ").at(-1) : String(error);
    return `expected a regular expression of JavaScript, found one that cannot be read: ${reason}`;
  }
}

/** HTTP: an answer with one of the expected statuses, and the expected body if one is named, counts as alive. */
export const httpCheck = z
  .strictObject({
    type: z.literal("http"),
    path: token("a path that starts with /")
      .startsWith("/", { error: "expected a path that starts with /" })
      .default("/")
      .describe("path and query to ask for"),
    method: word(CHECK_METHODS).default("HEAD").describe("request method"),
    host: token("a host name").optional().describe("Host header; default: the server's address"),
    headers: headerFields.optional().describe("further header fields; their values are secret"),
    expectedStatuses: statusRanges
      .default(["200-399"])
      .describe("statuses, and ranges of them, that count as alive"),
    bodyRegex: bodyRegex.optional().describe("regular expression to be found in the body; needs method GET"),
    tls: checkTls.optional().describe("speak TLS; without it the request is in the clear"),
    ...timing,
  })
  .check(canRise)
  .check(
    z.refine<{ method: CheckMethod; bodyRegex?: string }>(
      ({ method, bodyRegex: regex }) => regex === undefined || method === "GET",
      {
        path: ["bodyRegex"],
        error: ({ input }) =>
          `expected method GET with bodyRegex, found ${(input as { method: CheckMethod }).method}: its answer has no body to search`,
      },
    ),
  );
