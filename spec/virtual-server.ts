import * as z from "zod";
import { endpoint } from "./address";
import { address, port, word } from "./fields";
import { type HealthCheck, healthCheck } from "./health-check";
import { type RealServer, realServer } from "./real-server";
import { type Scheduler, scheduler } from "./scheduler";

/** Transport protocols a virtual server can be made of. */
export const PROTOCOLS = ["tcp", "udp"] as const;

/** See {@link PROTOCOLS}. */
export type Protocol = (typeof PROTOCOLS)[number];

/** What makes a virtual server the one it is: a change of any of these is another virtual server. */
export interface VirtualServerIdentity {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
}

/** Schema of a virtual address. */
const virtualAddress = address({
  unspecified: "packets to it are never on the wire",
  broadcast: "it belongs to a whole network, and IPVS takes packets to one host",
  multicast: "it belongs to a group, and IPVS takes packets to one host",
  loopback: "packets to it never come from another host",
});

/** The identity's fields as schemas. */
export const virtualServerIdentity = {
  protocol: word(PROTOCOLS).default("tcp").describe("transport protocol"),
  address: virtualAddress.describe("virtual address"),
  port: port.describe("virtual port"),
};

/** Schema of a virtual server, its pool inline or (without `realServers`) made of separate resources. */
export const virtualServer = z
  .strictObject({
    ...virtualServerIdentity,
    scheduler: scheduler.default("wlc"),
    healthCheck: healthCheck.optional(),
    realServers: z
      .array(realServer, { error: "expected a list of real servers" })
      .optional()
      .describe("the whole pool; leave it out to add RealServer resources one by one"),
  })
  .describe("protocol, address and port that directors spread over real servers");

/** A virtual server in normal form: every default filled in, the pool sorted by address and port. */
export interface VirtualServer extends VirtualServerIdentity {
  readonly scheduler: Scheduler;
  readonly healthCheck: HealthCheck;
  /** undefined: the pool is made of separate RealServer resources. */
  readonly realServers?: readonly RealServer[];
}

/**
 * The identity as one text, unique on a director and readable in every error.
 *
 * @example virtualServerKey({ protocol: "tcp", address: "192.0.2.1", port: 80 }) // "tcp 192.0.2.1:80"
 */
export function virtualServerKey(identity: VirtualServerIdentity): string {
  return `${identity.protocol} ${endpoint(identity.address, identity.port)}`;
}

/**
 * The check of a virtual server that names none: a TCP handshake where there is one to make. UDP has no
 * handshake that proves anything, so its servers are let in unchecked unless the user names a check.
 */
export function defaultHealthCheck(protocol: Protocol): HealthCheck {
  return protocol === "tcp" ? healthCheck.parse({ type: "tcp" }) : { type: "none" };
}
