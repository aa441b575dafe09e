import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** The two address families IPVS forwards. */
export type Family = "ipv4" | "ipv6";

/**
 * The one spelling of an IP address: dotted decimal, or RFC 5952 for IPv6. Two spellings of one address
 * must compare equal everywhere (in diffs, in identities, against what the kernel prints).
 *
 * @returns undefined when the text is no address, carries a zone (`fe80::1%eth0`), or embeds an IPv4 address
 *   in IPv6 (`::ffff:1.2.3.4`, `::1.2.3.4`): IPVS would keep it in its IPv6 table, where no IPv4 packet finds it.
 */
export function canonicalAddress(text: string): string | undefined {
  if (isIP(text) === 0 || text.includes("%")) return undefined;
  const address = ipaddr.parse(text);
  if (!(address instanceof ipaddr.IPv6)) return address.toString();
  return embedsIPv4(address) ? undefined : address.toRFC5952String();
}

function embedsIPv4(address: ipaddr.IPv6): boolean {
  const compatible = address.parts.slice(0, 6).every((part) => part === 0) && address.parts[6] !== 0;
  return compatible || address.isIPv4MappedAddress();
}

/** Addresses that are not those of one host on a network. */
export type AddressKind = "unspecified" | "broadcast" | "multicast" | "loopback" | "linkLocalIPv6";

/** What is special about an address; undefined for the address of a host, and for what is no address. */
export function addressKind(text: string): AddressKind | undefined {
  if (canonicalAddress(text) === undefined) return undefined;
  const address = ipaddr.parse(text);
  const range = address.range();
  if (range === "linkLocal") return address.kind() === "ipv6" ? "linkLocalIPv6" : undefined;
  const kinds = ["unspecified", "broadcast", "multicast", "loopback"] as const;
  return kinds.find((kind) => kind === range);
}

/** The family of an address in canonical spelling. */
export function familyOf(address: string): Family {
  return address.includes(":") ? "ipv6" : "ipv4";
}

/** Orders addresses as numbers, IPv4 before IPv6; texts that are no address (not known yet) come last. */
export function compareAddresses(a: string, b: string): number {
  const [left, right] = [sortKey(a), sortKey(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function sortKey(text: string): string {
  if (isIP(text) === 0) return `9${text}`;
  const hex = ipaddr
    .parse(text)
    .toByteArray()
    .map((byte) => byte.toString(16).padStart(2, "0"));
  return `${familyOf(text) === "ipv4" ? 4 : 6}${hex.join("")}`;
}

/**
 * Address and port as one text, the way ipvsadm prints them.
 *
 * @example endpoint("2001:db8::1", 80) // "[2001:db8::1]:80"
 */
export function endpoint(address: string, port: number): string {
  return familyOf(address) === "ipv6" ? `[${address}]:${port}` : `${address}:${port}`;
}
