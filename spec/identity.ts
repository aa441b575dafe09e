import * as z from "zod";
import { endpoint, type Family, familyOf } from "./address";
import { address, wholeNumber, word } from "./fields";
import type { IsUnknown } from "./parse";
import type { Problem } from "./problem";

/** Transport protocols IPVS balances. */
export const PROTOCOLS = ["tcp", "udp", "sctp"] as const;

/** See {@link PROTOCOLS}. */
export type Protocol = (typeof PROTOCOLS)[number];

/** A virtual server that takes packets to a protocol, an address and a port; port 0 takes those to every port. */
export interface SocketIdentity {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
  readonly fwmark?: undefined;
  readonly family?: undefined;
}

/** A virtual server that takes packets of one family which a firewall rule has marked, whatever they are. */
export interface MarkIdentity {
  readonly fwmark: number;
  readonly family: Family;
  readonly protocol?: undefined;
  readonly address?: undefined;
  readonly port?: undefined;
}

/** What makes a virtual server the one it is: a change of any of these is another virtual server. */
export type VirtualServerIdentity = SocketIdentity | MarkIdentity;

/** The properties of an identity, for those who compare them one by one. */
export const IDENTITY_FIELDS = ["protocol", "address", "port", "fwmark", "family"] as const;

const virtualAddress = address({
  unspecified: "packets to it are never on the wire",
  broadcast: "it belongs to a whole network, and IPVS takes packets to one host",
  multicast: "it belongs to a group, and IPVS takes packets to one host",
  loopback: "packets to it never come from another host",
});

/** The identity's fields as schemas; all optional, because {@link identityProblems} sees to the whole. */
export const virtualServerIdentity = {
  protocol: word(PROTOCOLS).optional().describe("transport protocol; default tcp"),
  address: virtualAddress.optional().describe("virtual address"),
  port: wholeNumber(0, 65_535)
    .optional()
    .describe("virtual port; 0: every port, for persistent virtual servers"),
  fwmark: wholeNumber(1, 2 ** 32 - 1)
    .optional()
    .describe("firewall mark, in place of protocol, address and port"),
  family: word(["ipv4", "ipv6"]).optional().describe("with fwmark: family of the packets; default ipv4"),
};

const fields = z.object(virtualServerIdentity);

/** An identity's fields as a user may have left them, good or bad. */
export type IdentityInput = z.output<typeof fields>;

/** Fills in what the fields that are there imply. What is missing stays missing; see {@link identityProblems}. */
export function withIdentityDefaults<T extends IdentityInput>(value: T): T & VirtualServerIdentity {
  const defaults =
    value.fwmark === undefined
      ? { protocol: value.protocol ?? "tcp" }
      : { family: value.family ?? ("ipv4" as const) };
  return { ...value, ...defaults } as T & VirtualServerIdentity;
}

/**
 * What is wrong with an identity as a whole: exactly one of address and port, or a firewall mark. A field that is there
 * has been checked by itself.
 */
export function identityProblems(value: IdentityInput, isUnknown: IsUnknown): Problem[] {
  if (value.fwmark === undefined) {
    const missing: Problem[] = [];
    if (value.address === undefined) missing.push({ path: ["address"], reason: NO_ADDRESS });
    if (value.port === undefined) missing.push({ path: ["port"], reason: NO_PORT });
    if (value.family !== undefined && !isUnknown(value.family)) {
      missing.push({ path: ["family"], reason: FAMILY_OF_ADDRESS });
    }
    return missing;
  }
  return (["protocol", "address", "port"] as const)
    .filter((key) => value[key] !== undefined)
    .map((key) => ({ path: [key], reason: `${ONE_OF_BOTH}, found fwmark and ${key}` }));
}

const ONE_OF_BOTH = "expected either address and port (with protocol), or fwmark (with family)";
const NO_ADDRESS = "expected an IPv4 or IPv6 address (or a fwmark instead), found nothing";
const NO_PORT = "expected a whole number from 0 to 65535 (or a fwmark instead), found nothing";
const FAMILY_OF_ADDRESS = "expected no family: that of the address counts. It belongs to fwmark";

/**
 * The identity as one text, unique on a director and readable in every error.
 *
 * @example virtualServerKey({ protocol: "tcp", address: "192.0.2.1", port: 80 }) // "tcp 192.0.2.1:80"
 * @example virtualServerKey({ fwmark: 7, family: "ipv6" }) // "fwmark 7 -6", as ipvsadm writes it
 */
export function virtualServerKey(identity: VirtualServerIdentity): string {
  if (identity.fwmark !== undefined)
    return `fwmark ${identity.fwmark}${identity.family === "ipv6" ? " -6" : ""}`;
  return `${identity.protocol} ${endpoint(identity.address, identity.port)}`;
}

/** The identity alone, out of something that has more. */
export function identityOf(value: VirtualServerIdentity): VirtualServerIdentity {
  if (value.fwmark !== undefined) return { fwmark: value.fwmark, family: value.family };
  return { protocol: value.protocol, address: value.address, port: value.port };
}

/** The family of the packets that a virtual server takes. */
export function familyOfIdentity(identity: VirtualServerIdentity): Family {
  return identity.fwmark === undefined ? familyOf(identity.address) : identity.family;
}

/**
 * A virtual server's place in the API: its key with hyphens, so that no part of it has to be encoded but the brackets of
 * an IPv6 address.
 *
 * @example virtualServerId({ protocol: "tcp", address: "192.0.2.1", port: 80 }) // "tcp-192.0.2.1-80"
 * @example virtualServerId({ protocol: "tcp", address: "2001:db8::1", port: 80 }) // "tcp-[2001:db8::1]-80"
 * @example virtualServerId({ fwmark: 5, family: "ipv6" }) // "fwmark-5-ipv6"
 */
export function virtualServerId(one: VirtualServerIdentity): string {
  if (one.fwmark !== undefined) return `fwmark-${one.fwmark}-${one.family}`;
  const { protocol, address, port } = one;
  return `${protocol}-${address.includes(":") ? `[${address}]` : address}-${port}`;
}
