import ipaddr from "ipaddr.js";
import { canonicalAddress, type Family, familyOf } from "../address";
import type { Parsed } from "../parse";
import type { Problem } from "../problem";

/** Addresses from the first to the last, both included. */
export interface AddressRange {
  readonly first: string;
  readonly last: string;
}

/** Addresses that Services may get. */
export interface AddressPool {
  readonly ranges: readonly AddressRange[];
  /** Whether Services get addresses that did not ask for this pool. */
  readonly autoAssign: boolean;
}

/** Keys of the ConfigMap that is a pool. */
export const POOL_KEYS = { addresses: "addresses", autoAssign: "autoAssign" } as const;

/** The data of the ConfigMap that is a pool: a range on each line. */
export function poolData(pool: { addresses: readonly string[]; autoAssign?: boolean | undefined }): {
  addresses: string;
  autoAssign: string;
} {
  return { addresses: pool.addresses.join("\n"), autoAssign: String(pool.autoAssign ?? true) };
}

/** Reads what {@link poolData} has written, or a user by hand. */
export function parsePoolData(data: Readonly<Record<string, string>>): Parsed<AddressPool> {
  const lines = (data[POOL_KEYS.addresses] ?? "").split(/[\s,]+/).filter((line) => line !== "");
  const { value, problems } = parseRanges(lines);
  const auto = data[POOL_KEYS.autoAssign] ?? "true";
  if (auto !== "true" && auto !== "false")
    problems.push({ path: ["autoAssign"], reason: `expected true or false, found ${JSON.stringify(auto)}` });
  return { value: { ranges: value, autoAssign: auto !== "false" }, problems };
}

const EXPECTED =
  "expected an address, a prefix such as 192.0.2.0/28, or a range such as 192.0.2.8-192.0.2.15";

/** Reads addresses, prefixes and ranges; none may share an address with another. Paths begin with `addresses`. */
export function parseRanges(texts: readonly string[]): { value: AddressRange[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const value: AddressRange[] = [];
  if (texts.length === 0)
    problems.push({ path: ["addresses"], reason: "expected at least one address, found none" });
  texts.forEach((text, index) => {
    const range = rangeOf(text);
    if (range === undefined) {
      problems.push({ path: ["addresses", index], reason: `${EXPECTED}, found ${JSON.stringify(text)}` });
      return;
    }
    const other = value.find((one) => overlap(one, range));
    if (other) {
      const reason = `expected addresses that no other entry has, but ${text} shares some with ${other.first}-${other.last}`;
      problems.push({ path: ["addresses", index], reason });
    }
    value.push(range);
  });
  return { value, problems };
}

function rangeOf(text: string): AddressRange | undefined {
  if (text.includes("/")) return prefixRange(text);
  const [first, last, ...more] = text.split("-").map((part) => canonicalAddress(part.trim()));
  if (first === undefined || more.length > 0) return undefined;
  if (!text.includes("-")) return { first, last: first };
  if (last === undefined || familyOf(first) !== familyOf(last)) return undefined;
  return addressNumber(first) <= addressNumber(last) ? { first, last } : undefined;
}

function prefixRange(text: string): AddressRange | undefined {
  if (!ipaddr.isValidCIDR(text)) return undefined;
  const [base, length] = ipaddr.parseCIDR(text);
  const family: Family = base.kind();
  const size = 1n << BigInt((family === "ipv4" ? 32 : 128) - length);
  const start = addressNumber(base.toString());
  if (start % size !== 0n) return undefined;
  return { first: numberAddress(start, family), last: numberAddress(start + size - 1n, family) };
}

function overlap(one: AddressRange, other: AddressRange): boolean {
  if (familyOf(one.first) !== familyOf(other.first)) return false;
  return (
    addressNumber(one.first) <= addressNumber(other.last) &&
    addressNumber(other.first) <= addressNumber(one.last)
  );
}

/** An address as a number, so that it can be counted with. */
export function addressNumber(address: string): bigint {
  return ipaddr
    .parse(address)
    .toByteArray()
    .reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

/** The canonical address of a number. */
export function numberAddress(value: bigint, family: Family): string {
  const length = family === "ipv4" ? 4 : 16;
  const bytes = Array.from({ length }, (_, index) =>
    Number((value >> BigInt(8 * (length - 1 - index))) & 0xffn),
  );
  const text = ipaddr.fromByteArray(bytes).toString();
  return canonicalAddress(text) ?? text;
}
