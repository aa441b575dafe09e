import ipaddr from "ipaddr.js";
import { NetlinkSyntaxError } from "./syntax-error";

/** Address families (AF_INET, AF_INET6). */
export const FAMILIES = { ipv4: 2, ipv6: 10 } as const;

/** Length of an address in a message, whatever its family (union nf_inet_addr). */
const ADDRESS_BYTES = 16;
const GROUPS = 8;

/** The family of an address, by how it is written. */
export function familyOf(address: string): number {
  return address.includes(":") ? FAMILIES.ipv6 : FAMILIES.ipv4;
}

/**
 * An address as it stands in messages.
 *
 * @throws RangeError when it is none
 */
export function addressBytes(address: string): Buffer {
  const bytes = Buffer.allocUnsafe(ADDRESS_BYTES).fill(0);
  const parts = /^([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})$/.exec(address);
  if (parts) bytes.set(parts.slice(1).map(within255));
  else {
    const groups = address.replace(/([0-9]+)\.([0-9]+)\.([0-9]+)\.([0-9]+)$/, asGroups);
    if (!ipaddr.IPv6.isValid(groups)) throw new RangeError(`${JSON.stringify(address)} is no address`);
    bytes.set(ipaddr.IPv6.parse(groups).toByteArray());
  }
  return bytes;
}

/** An IPv6 address may end as an IPv4 one; ipaddr.js takes `::1.2.3.4` for another address, `::ffff:1.2.3.4`. */
function asGroups(_: string, ...parts: readonly string[]): string {
  const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(within255);
  return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

function within255(part: string): number {
  const value = Number(part);
  if (value > 255) throw new RangeError(`${part} is no part of an address`);
  return value;
}

/** An address as ipvsadm writes it, which is how the C library does. */
export function readAddress(bytes: Buffer, from: number, to: number, family: number): string {
  const wanted = family === FAMILIES.ipv6 ? ADDRESS_BYTES : 4;
  if (to - from < wanted)
    throw new NetlinkSyntaxError(`an address of ${wanted} bytes`, `one of ${to - from}`);
  return family === FAMILIES.ipv6 ? ipv6Text(bytes, from) : ipv4Text(bytes, from);
}

function ipv4Text(bytes: Buffer, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** As RFC 5952 has it; where all but the last 32 bits are zero, or ::ffff:, these are written as IPv4. */
function ipv6Text(bytes: Buffer, at: number): string {
  const groups = Array.from({ length: GROUPS }, (_, index) => bytes.readUInt16BE(at + 2 * index));
  const { start, length } = longestZeros(groups);
  const isMapped = start === 0 && length === 5 && groups[5] === 0xffff;
  const endsAsIPv4 = start === 0 && (length === 6 || isMapped);
  const last = ipv4Text(bytes, at + 12);
  const words = [
    ...groups.slice(0, endsAsIPv4 ? 6 : GROUPS).map((group) => group.toString(16)),
    ...(endsAsIPv4 ? [last] : []),
  ];
  if (length === 0) return words.join(":");
  return `${words.slice(0, start).join(":")}::${words.slice(start + length).join(":")}`;
}

/** The first of the longest runs of zeros; of one alone nothing is left out. */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < GROUPS; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > 1 && length > best.length) best = { start, length };
  }
  return best;
}
