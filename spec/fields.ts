import * as z from "zod";
import { type AddressKind, addressKind, canonicalAddress } from "./address";

/**
 * An IP address of either family that one host can have; normal form is the canonical spelling (see
 * {@link canonicalAddress}).
 *
 * @param unfit kinds of address that are no use in this place, and why
 */
export function address(unfit: Readonly<Partial<Record<AddressKind, string>>>) {
  const error = "expected an IPv4 or IPv6 address";
  const whyUnfit = (text: string) => {
    const kind = addressKind(text);
    return kind && unfit[kind];
  };
  return z
    .string({ error })
    .refine((text) => canonicalAddress(text) !== undefined, { error, abort: true })
    .refine((text) => whyUnfit(text) === undefined, {
      error: ({ input }) => `${error} of a single host, found ${input}: ${whyUnfit(String(input))}`,
    })
    .meta({ anyOf: [{ format: "ipv4" }, { format: "ipv6" }] })
    .transform((text) => canonicalAddress(text) ?? text);
}

/** A TCP or UDP port that a packet can carry. */
export const port = wholeNumber(1, 65_535).describe("port, 1 to 65535");

/**
 * The same, or 0: the packet's own, in the normal form of what stands behind a virtual server of every port or a firewall
 * mark. Where it may stand is a rule between fields (see `memberProblems`), so the error says nothing of it.
 */
export const port0 = wholeNumber(0, 65_535, "expected a whole number from 1 to 65535").describe(
  "port, 1 to 65535",
);

/** A whole number in a closed range; the range is named in the error. */
export function wholeNumber(
  min: number,
  max: number,
  error = `expected a whole number from ${min} to ${max}`,
) {
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

/** A duration in milliseconds; one hour at most, so that a wrong unit is noticed. */
export function durationMs(min = 1) {
  return wholeNumber(min, 3_600_000);
}

/** A text that must not be empty and fits on one line. */
export function line(what: string) {
  const error = `expected ${what}, without line breaks`;
  return z
    .string({ error })
    .min(1, { error })
    .refine((text) => isOneLine(text), { error });
}

/** A text of printable ASCII without spaces: what may stand in the head of an HTTP request. */
export function token(what: string) {
  const error = `expected ${what}, in printable ASCII without spaces (write others as %20 and the like)`;
  return line(what).refine((text) => /^[\x21-\x7e]+$/.test(text), { error });
}

function isOneLine(text: string): boolean {
  for (const character of text) {
    const code = character.charCodeAt(0);
    if (code < 0x20 || code === 0x7f) return false;
  }
  return true;
}

/** One of a fixed list of words; the list is named in the error. */
export function word<const T extends readonly [string, ...string[]]>(words: T) {
  return z.enum(words, { error: `expected one of ${words.join(", ")}` });
}

/** A text that is never shown: not in errors, not in previews. */
export function secret(what: string) {
  return z
    .string({ error: `expected ${what} as text` })
    .min(1, { error: `expected ${what}, found an empty text` })
    .meta({ secret: true });
}
