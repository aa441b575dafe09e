import * as z from "zod";
import { port0, wholeNumber, word } from "./fields";
import { type HealthCheck, healthCheck } from "./health-check";
import { type VirtualServerIdentity, virtualServerIdentity } from "./identity";
import { type Persistence, persistence } from "./persistence";
import {
  type DeclaredRealServer,
  FORWARDING_METHODS,
  type ForwardingMethod,
  realServer,
} from "./real-server";
import { type Scheduler, type SchedulerFlag, scheduler, schedulerFlags } from "./scheduler";
import { serverAddress } from "./server-address";

/** Schema of {@link Quorum}. */
const quorum = z
  .strictObject({
    weight: wholeNumber(1, 2 ** 31 - 1)
      .default(1)
      .describe("sum of the weights of healthy servers below which the pool is down"),
    hysteresis: wholeNumber(0, 2 ** 31 - 1)
      .default(0)
      .describe("how far the sum has to leave the quorum behind before the pool's state changes"),
  })
  .describe("what makes a pool usable (keepalived: quorum, hysteresis)");

/** When a pool is usable. Data for a director that watches its servers; in ssh mode nothing does. */
export type Quorum = z.output<typeof quorum>;

/** Schema of {@link SorryServer}. */
const sorryServer = z
  .strictObject({
    address: serverAddress.describe("address of the server"),
    port: port0.optional().describe("its port; default: the virtual server's"),
    forwarding: word(FORWARDING_METHODS).default("nat").describe("how packets reach it"),
  })
  .describe("the server that answers while the pool has no quorum");

/** The server of last resort. Data for a director that watches its servers; in ssh mode nothing does. */
export interface SorryServer {
  readonly address: string;
  readonly port: number;
  readonly forwarding: ForwardingMethod;
}

/** What may become of a server that is down: it leaves the table, or stays there with weight 0. */
export const UNHEALTHY = ["remove", "weight0"] as const;

/** Schema of a virtual server, its pool inline or (without `realServers`) made of separate resources. */
export const virtualServer = z
  .strictObject({
    ...virtualServerIdentity,
    scheduler: scheduler.default("wlc"),
    schedulerFlags: schedulerFlags.optional(),
    persistence: persistence.optional(),
    onePacket: z
      .boolean({ error: "expected true or false" })
      .default(false)
      .describe("udp: every packet is scheduled by itself, no connection is kept"),
    quorum: quorum.optional(),
    sorryServer: sorryServer.optional(),
    onUnhealthy: word(UNHEALTHY)
      .optional()
      .describe("what becomes of a server that is down (keepalived: inhibit_on_failure)"),
    failOpenPercent: wholeNumber(1, 100)
      .optional()
      .describe("when fewer of the servers than this are healthy, all of them take connections again"),
    healthCheck: healthCheck.optional(),
    adopt: z
      .boolean({ error: "expected true or false" })
      .default(false)
      .describe("take over entries that stand there and belong to nobody"),
    realServers: z
      .array(realServer, { error: "expected a list of real servers" })
      .optional()
      .describe("the whole pool; leave it out to add RealServer resources one by one"),
  })
  .describe("what directors spread over real servers");

/** How the kernel treats a virtual server's connections, besides who serves them. */
export interface ServiceSettings {
  readonly scheduler: Scheduler;
  /** In ipvsadm's order; absent: none. */
  readonly schedulerFlags?: readonly SchedulerFlag[] | undefined;
  readonly persistence?: Persistence | undefined;
  /** Absent: no. */
  readonly onePacket?: true | undefined;
}

/** A virtual server in normal form: every default filled in, the pool sorted by address and port. */
export type VirtualServer = VirtualServerIdentity &
  ServiceSettings & {
    readonly healthCheck: HealthCheck;
    readonly quorum?: Quorum | undefined;
    readonly sorryServer?: SorryServer | undefined;
    /** Absent: what fits the virtual server; see agent/wanted.ts. */
    readonly onUnhealthy?: (typeof UNHEALTHY)[number] | undefined;
    readonly failOpenPercent?: number | undefined;
    /** Absent: no. */
    readonly adopt?: true | undefined;
    /** undefined: the pool is made of separate RealServer resources. */
    readonly realServers?: readonly DeclaredRealServer[];
  };

/**
 * The check of a virtual server that names none: a TCP handshake where there is one to make. Neither udp, sctp nor a
 * firewall mark tells what could be asked, so their servers are let in unchecked unless the user names a check.
 */
export function defaultHealthCheck(
  identity: { readonly protocol?: string | undefined; readonly port?: number | undefined },
  isUnknown: (value: unknown) => boolean = () => false,
): HealthCheck {
  // Which one it will be is not known either: it stands there as what it hangs on does.
  if (isUnknown(identity.protocol)) return identity.protocol as unknown as HealthCheck;
  const asks = identity.protocol === "tcp" && identity.port !== 0;
  return asks ? healthCheck.parse({ type: "tcp" }) : { type: "none" };
}
