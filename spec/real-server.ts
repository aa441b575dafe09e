import * as z from "zod";
import { endpoint } from "./address";
import { address, port, wholeNumber, word } from "./fields";

/**
 * How packets reach the real server: `nat` rewrites the destination, `dr` rewrites the MAC address (same link),
 * `tun` wraps the packet in IPIP. With dr and tun answers bypass the director.
 */
export const FORWARDING_METHODS = ["nat", "dr", "tun"] as const;

/** See {@link FORWARDING_METHODS}. */
export type ForwardingMethod = (typeof FORWARDING_METHODS)[number];

/** Weights of IPVS are ints, but keepalived and this project stop at 65535. 0 takes no new connections. */
export const WEIGHT_MAX = 65_535;

/** Schema of the address of a real server. */
const realServerAddress = address({
  unspecified: "it belongs to no host",
  broadcast: "it belongs to a whole network, a server is one host",
  multicast: "it belongs to a group, a server is one host",
  loopback: "packets to it never leave the director",
  linkLocalIPv6:
    "a link-local address needs an interface, and IPVS cannot keep one: use a global or unique local one",
});

/** The fields of a real server but its place (address and port). */
export const realServerSettings = {
  weight: wholeNumber(0, WEIGHT_MAX)
    .default(1)
    .describe("share of new connections, relative to the pool; 0 takes none"),
  forwarding: word(FORWARDING_METHODS).default("nat").describe("how packets reach the server"),
};

/** Schema of a real server inside a virtual server's pool. */
export const realServer = z
  .strictObject({
    address: realServerAddress.describe("address of the server"),
    port: port.optional().describe("port of the server; default: the virtual server's port"),
    ...realServerSettings,
  })
  .describe("a server behind a virtual server");

/** A real server in normal form; the port is always there (see `parseVirtualServer`). */
export interface RealServer {
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly forwarding: ForwardingMethod;
}

/** The identity of a real server inside its pool: `10.0.0.1:80`, `[2001:db8::1]:80`. */
export function realServerKey(server: Pick<RealServer, "address" | "port">): string {
  return endpoint(server.address, server.port);
}
