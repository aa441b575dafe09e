import * as z from "zod";
import { canRise, timing } from "../check-timing";
import { word } from "../fields";

/** Types of records that can be asked for. */
const RECORD_TYPES = [
  ...(["A", "AAAA", "CNAME", "DNSKEY", "MX", "NS"] as const),
  ...(["PTR", "RRSIG", "SOA", "SRV", "TXT"] as const),
] as const;

const NAME_ERROR =
  "expected a DNS name in letters, digits, hyphens and underscores (others in punycode), or . for the root";

/** The root, or labels of 63 characters at most, 253 with the dots between them. */
const NAME = /^(?:\.|(?=.{1,253}\.?$)[\w-]{1,63}(?:\.[\w-]{1,63})*\.?)$/;

const name = z
  .string({ error: NAME_ERROR })
  .refine((text) => NAME.test(text), { error: NAME_ERROR })
  .transform((text) => (text === "." ? text : text.replace(/\.$/, "").toLowerCase()));

/**
 * DNS: an answer without an error counts as alive, whatever records are in it. The name and the type that are asked for by default
 * are those of keepalived's DNS_CHECK (keepalived.conf(5); DNS_DEFAULT_NAME and DNS_DEFAULT_TYPE in its check_dns.h).
 */
export const dnsCheck = z
  .strictObject({
    type: z.literal("dns"),
    /** Name that is asked for. Default `.`, the root; a server that knows its own zones alone needs one of them. */
    name: name
      .default(".")
      .describe(
        "name that is asked for; a server that knows its own zones alone refuses the root, and needs one of them; default: `.`, the root",
      ),
    /** Type of the records that are asked for. Default `SOA`. */
    recordType: word(RECORD_TYPES).default("SOA").describe("type of the records that are asked for"),
    /** What carries the question. Default `udp`, which needs the mode `agent`: SSH has no UDP. */
    transport: word(["udp", "tcp"])
      .default("udp")
      .describe(
        "what carries the question; udp needs mode agent, and a question whose answer is cut short goes over tcp again; by way of the virtual address (dr, tun) tcp always does",
      ),
    ...timing,
  })
  .check(canRise)
  .describe(
    "DNS: an answer of the server to the very question, with code NOERROR, is healthy, whatever records are in it; NXDOMAIN and all other codes are not",
  )
  .meta({ examples: [{ type: "dns", name: "www.example.com", recordType: "A" }] });
