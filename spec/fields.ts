import * as z from "zod";
import { canonicalAddress } from "./address";

/** An IP address of either family; normal form is the canonical spelling (see {@link canonicalAddress}). */
export const address = z
  .string({ error: "expected an IPv4 or IPv6 address" })
  .refine((text) => canonicalAddress(text) !== undefined, { error: "expected an IPv4 or IPv6 address" })
  .transform((text) => canonicalAddress(text) ?? text)
  .describe("IPv4 or IPv6 address, in any spelling");

/** A TCP or UDP port that a packet can carry. */
export const port = wholeNumber(1, 65_535).describe("port, 1 to 65535");

/** A whole number in a closed range; the range is named in the error. */
export function wholeNumber(min: number, max: number) {
  const error = `expected a whole number from ${min} to ${max}`;
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
