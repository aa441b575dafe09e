import ipaddr from "ipaddr.js";
import * as z from "zod";
import type { Family } from "./address";
import { wholeNumber, word } from "./fields";
import type { Problem } from "./problem";

/** ipvsadm's own limit: 31 days (ipvsadm.c, MAX_TIMEOUT). */
const TIMEOUT_MAX_S = 31 * 86_400;
/** ipvsadm's and keepalived's default. */
const TIMEOUT_S = 300;

/** The bits of a whole address. */
export const ADDRESS_BITS: Readonly<Record<Family, number>> = { ipv4: 32, ipv6: 128 };

/** Schema of {@link Persistence}. */
export const persistence = z
  .strictObject({
    timeoutS: wholeNumber(1, TIMEOUT_MAX_S)
      .default(TIMEOUT_S)
      .describe("seconds after the last connection of a client until it may get another server"),
    prefixLength: wholeNumber(1, 128)
      .optional()
      .describe("clients whose addresses share so many bits are one; default: each address is"),
    netmask: z
      .string({ error: "expected a netmask such as 255.255.255.0" })
      .refine((text) => prefixOf(text) !== undefined, {
        error: "expected a netmask of ones followed by zeros, such as 255.255.255.0",
      })
      .optional()
      .describe("prefixLength in the notation of IPv4"),
    engine: word(["sip"])
      .optional()
      .describe("what else tells clients apart: sip, the Call-ID of SIP over udp"),
  })
  .describe("a client keeps its server");

/** What the user wrote. */
export type PersistenceInput = z.output<typeof persistence>;

/** A client keeps its server for some time after its last connection. */
export interface Persistence {
  readonly timeoutS: number;
  /** 32 or 128: each address is a client of its own. */
  readonly prefixLength: number;
  readonly engine?: "sip";
}

/** Normal form: one way to say how wide a client is. */
export function normalPersistence(value: PersistenceInput, family: Family | undefined): Persistence {
  const { netmask, prefixLength, ...rest } = value;
  const fromMask = netmask === undefined ? undefined : prefixOf(netmask);
  const whole = ADDRESS_BITS[family ?? "ipv4"];
  return { ...rest, prefixLength: prefixLength ?? fromMask ?? whole };
}

/** Rules between the fields of a persistence, and with its virtual server. Paths are relative to the persistence. */
export function persistenceProblems(
  value: PersistenceInput,
  server: { readonly family: Family | undefined; readonly protocol: string | undefined },
): Problem[] {
  const problems: Problem[] = [];
  const { netmask, prefixLength, engine } = value;
  if (netmask !== undefined && prefixLength !== undefined) {
    problems.push({ path: ["netmask"], reason: "expected netmask or prefixLength, found both" });
  }
  if (netmask !== undefined && server.family === "ipv6") {
    problems.push({
      path: ["netmask"],
      reason: "expected prefixLength: an IPv6 virtual server has no netmask",
    });
  }
  if (server.family === "ipv4" && typeof prefixLength === "number" && prefixLength > ADDRESS_BITS.ipv4) {
    problems.push({
      path: ["prefixLength"],
      reason: `expected a whole number from 1 to 32 for an IPv4 virtual server, found ${prefixLength}`,
    });
  }
  const { protocol } = server;
  if (engine === "sip" && (protocol === "tcp" || protocol === "sctp")) {
    problems.push({
      path: ["engine"],
      reason: `expected a udp virtual server or a fwmark, found ${protocol}: the kernel's sip engine reads udp packets alone`,
    });
  }
  return problems;
}

/** The length of a netmask's prefix; undefined for what is none, and for 0.0.0.0, which would make all clients one. */
function prefixOf(netmask: string): number | undefined {
  if (!ipaddr.IPv4.isValidFourPartDecimal(netmask)) return undefined;
  return ipaddr.IPv4.parse(netmask).prefixLengthFromSubnetMask() || undefined;
}
