import * as z from "zod";
import { endpoint } from "./address";
import { durationMs, port0, wholeNumber, word } from "./fields";
import { type HealthCheck, healthCheck } from "./health-check";
import { serverAddress } from "./server-address";
import { type Tunnel, tunnel } from "./tunnel";

/**
 * How packets reach the real server: `nat` rewrites the destination, `dr` rewrites the MAC address (same link),
 * `tun` wraps the packet in another one. With dr and tun answers bypass the director.
 */
export const FORWARDING_METHODS = ["nat", "dr", "tun"] as const;

/** See {@link FORWARDING_METHODS}. */
export type ForwardingMethod = (typeof FORWARDING_METHODS)[number];

/** Weights of IPVS are ints, but keepalived and this project stop at 65535. 0 takes no new connections. */
export const WEIGHT_MAX = 65_535;

/** ipvsadm reads thresholds as ints. */
const THRESHOLD_MAX = 2 ** 31 - 1;
/** How long connections of a server that leaves may go on, unless the user says otherwise. */
export const DRAIN_MS = 30_000;

/** The fields of a real server but its place (address and port). */
export const realServerSettings = {
  weight: wholeNumber(0, WEIGHT_MAX)
    .default(1)
    .describe("share of new connections, relative to the pool; 0 takes none"),
  forwarding: word(FORWARDING_METHODS).default("nat").describe("how packets reach the server"),
  tunnel: tunnel.optional().describe("with tun: how packets are wrapped; default ipip"),
  upperThreshold: wholeNumber(0, THRESHOLD_MAX)
    .optional()
    .describe("connections per director above which it gets no new ones; default 0, no limit"),
  lowerThreshold: wholeNumber(0, THRESHOLD_MAX)
    .optional()
    .describe("connections per director below which it gets new ones again; default 0: 3/4 of the upper one"),
  drainMs: durationMs(0)
    .default(DRAIN_MS)
    .describe("how long its connections may go on when it is removed; 0: not at all"),
};

/** Schema of a real server inside a virtual server's pool. */
export const realServer = z
  .strictObject({
    address: serverAddress.describe("address of the server"),
    port: port0.optional().describe("port of the server; default: the virtual server's port"),
    ...realServerSettings,
    healthCheck: healthCheck.optional().describe("its own check, in place of the virtual server's"),
  })
  .describe("a server behind a virtual server");

/** A real server in normal form; the port is always there (see `parseVirtualServer`). */
export interface RealServer {
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly forwarding: ForwardingMethod;
  /** Absent unless forwarding is `tun` and it is not plain IPIP. */
  readonly tunnel?: Tunnel | undefined;
  /** Absent: no limit. */
  readonly upperThreshold?: number | undefined;
  /** Absent: 3/4 of the upper one. */
  readonly lowerThreshold?: number | undefined;
}

/** A real server as declared: how it is checked and how it leaves, besides what the kernel keeps. */
export interface DeclaredRealServer extends RealServer {
  readonly drainMs: number;
  /** Absent: the virtual server's check. */
  readonly healthCheck?: HealthCheck | undefined;
}

/** The identity of a real server inside its pool: `10.0.0.1:80`, `[2001:db8::1]:80`. */
export function realServerKey(server: Pick<RealServer, "address" | "port">): string {
  return endpoint(server.address, server.port);
}
