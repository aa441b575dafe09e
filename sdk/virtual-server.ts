import * as pulumi from "@pulumi/pulumi";
import type { Family, HealthCheck, Persistence, Protocol, Scheduler, SchedulerFlag } from "../spec";
import type { Cluster } from "./cluster";
import { type HealthCheckArgs, withSecrets } from "./health-check";
import { parentType } from "./parent-type";
import { type PoolMemberArgs, withSecretChecks } from "./pool-member";
import { configText, type RealServerConfigArgs } from "./real-server-config";
import { providerStub, typeToken } from "./stub";
import { withoutStacks } from "./without-stacks";

/** Packets to an address and a port. A change of any of these replaces the virtual server. */
export interface SocketArgs {
  /** Transport protocol. Default `tcp`. */
  protocol?: pulumi.Input<Protocol>;
  /** Virtual address, IPv4 or IPv6. */
  address: pulumi.Input<string>;
  /** Virtual port. 0: every port, which needs `persistence`. */
  port: pulumi.Input<number>;
  fwmark?: undefined;
  family?: undefined;
}

/** Packets that a firewall rule of the director has marked. A change of any of these replaces the virtual server. */
export interface MarkArgs {
  /** The mark, 1 to 4294967295. */
  fwmark: pulumi.Input<number>;
  /** Family of the packets. Default `ipv4`. */
  family?: pulumi.Input<Family>;
  protocol?: undefined;
  address?: undefined;
  port?: undefined;
}

/** How a director chooses the real server of a new connection. Only the hashing schedulers have flags. */
export type SchedulerArgs =
  | {
      /** By the kernel's names: rr, wrr, lc, wlc (the default), lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos. */
      scheduler?: pulumi.Input<Scheduler>;
      schedulerFlags?: undefined;
    }
  | {
      scheduler: "sh";
      /** `sh-port`: hash the client's port too. `sh-fallback`: another server in place of one that takes none. */
      schedulerFlags?: pulumi.Input<("sh-port" | "sh-fallback")[]>;
    }
  | {
      scheduler: "mh";
      /** `mh-port`: hash the client's port too. `mh-fallback`: another server in place of one that takes none. */
      schedulerFlags?: pulumi.Input<("mh-port" | "mh-fallback")[]>;
    };

/** A client keeps its server. */
export interface PersistenceArgs {
  /** Seconds after its last connection until it may get another one, up to 31 days. Default 300. */
  timeoutS?: pulumi.Input<number>;
  /** Clients whose addresses share so many bits are one. Default: each address is a client. */
  prefixLength?: pulumi.Input<number>;
  /** The same in IPv4's notation, such as `255.255.255.0`. Not both. */
  netmask?: pulumi.Input<string>;
  /** `sip`: the Call-ID of SIP over udp tells clients apart as well. */
  engine?: pulumi.Input<"sip">;
}

/** When a pool is usable. With `mode: "agent"` alone. */
export interface QuorumArgs {
  /** Sum of the weights of healthy servers below which the pool is down. Default 1. */
  weight?: pulumi.Input<number>;
  /** How far the sum must leave the quorum behind before the pool's state changes. Default 0. */
  hysteresis?: pulumi.Input<number>;
}

/** Who answers while a pool is down. With `mode: "agent"` alone. */
export interface SorryServerArgs {
  /** Address of the server. */
  address: pulumi.Input<string>;
  /** Its port; 0 only where the virtual server has none. Default: the virtual server's. */
  port?: pulumi.Input<number>;
  /** How packets reach it. Default `nat`. */
  forwarding?: pulumi.Input<"nat" | "dr" | "tun">;
}

/** Arguments of {@link VirtualServer}. */
export type VirtualServerArgs = (SocketArgs | MarkArgs) &
  SchedulerArgs & {
    /** The directors that serve it. A change of cluster replaces it. */
    cluster: Cluster;
    /** A client keeps its server. Default: every connection is scheduled. */
    persistence?: PersistenceArgs;
    /** udp: every packet is scheduled by itself, no connection is kept. Default false. */
    onePacket?: pulumi.Input<boolean>;
    /** When the pool is usable. */
    quorum?: QuorumArgs;
    /** Who answers while it is not. */
    sorryServer?: SorryServerArgs;
    /**
     * What becomes of a server that is down: `weight0` leaves it in the table without new connections, `remove` takes it
     * out, and its connections with it. Default: `remove` for udp, with persistence, with `dh`, and with `sh` and `mh` without
     * their fallback flag, else `weight0`. With `mode: "agent"` alone.
     */
    onUnhealthy?: pulumi.Input<"remove" | "weight0">;
    /**
     * When fewer than so many percent of the servers are healthy, all of them take connections: a health check that fails
     * everywhere is more likely to be wrong than all servers. Default: never. With `mode: "agent"` alone.
     */
    failOpenPercent?: pulumi.Input<number>;
    /**
     * What proves that a server works before it is let in. Default: `tcp` for tcp, `none` for everything else. Where
     * the protocol is not tcp, a check over tcp needs its `port`.
     */
    healthCheck?: HealthCheckArgs;
    /**
     * Take over what stands there on the directors and belongs to nobody. An entry that is as declared is not touched by
     * that; one that differs is edited. Default false: such an entry is an error.
     */
    adopt?: pulumi.Input<boolean>;
    /** The whole pool. Leave it out to make the pool of {@link RealServer} resources; never both. */
    realServers?: pulumi.Input<pulumi.Input<PoolMemberArgs>[]>;
  };

/**
 * Protocol, address and port (or a firewall mark) that every director of a cluster spreads over real servers.
 *
 * Create and update complete when every server that was let in has passed its health check from every director and all
 * kernels hold the change. When a server fails: an update changes nothing; a create leaves the entries with weight
 * 0 and is tried again by the next `up`. When a director fails: the others are put back. Servers that leave get no new
 * connections, and go when those they have are over, or after their `drainMs`.
 *
 * @example
 * const web = new VirtualServer("web", {
 *   cluster,
 *   address: "192.0.2.10",
 *   port: 80,
 *   scheduler: "wrr",
 *   healthCheck: { type: "http", path: "/health" },
 *   realServers: [{ address: "10.20.1.1", weight: 2 }, { address: "10.20.1.2" }],
 * });
 */
export class VirtualServer extends pulumi.CustomResource {
  /** Absent for a firewall mark, as are address and port. */
  declare readonly protocol: pulumi.Output<Protocol | undefined>;
  declare readonly address: pulumi.Output<string | undefined>;
  declare readonly port: pulumi.Output<number | undefined>;
  declare readonly fwmark: pulumi.Output<number | undefined>;
  /** Of a firewall mark's packets; else absent. */
  declare readonly family: pulumi.Output<Family | undefined>;
  declare readonly scheduler: pulumi.Output<Scheduler>;
  declare readonly schedulerFlags: pulumi.Output<SchedulerFlag[] | undefined>;
  declare readonly persistence: pulumi.Output<Persistence | undefined>;
  /** The check in force, with every default filled in. */
  declare readonly healthCheck: pulumi.Output<HealthCheck>;
  /** Identity on the directors, as errors show it: `tcp 192.0.2.10:80`. */
  declare readonly key: pulumi.Output<string>;
  /** Of an inline pool: the weight that each server has in the kernels, by address and port. */
  declare readonly effectiveWeights: pulumi.Output<Record<string, number> | undefined>;
  /** What the servers answered that were let in by the last change, by address and port. */
  declare readonly gate: pulumi.Output<Record<string, string> | undefined>;
  /** Directors that were left out of the last change, or lack servers of the pool, and why. The next `up` tries again. */
  declare readonly behind: pulumi.Output<Record<string, string> | undefined>;
  /** After `refresh`: what differs from the declared state, by director; absent when nothing does. */
  declare readonly drift: pulumi.Output<Record<string, string[]> | undefined>;
  /** After `refresh`: directors that could not be read, and why. What is recorded of them was kept. */
  declare readonly unreachable: pulumi.Output<Record<string, string> | undefined>;
  /** The cluster it is on. */
  readonly cluster: Cluster;
  /** Who fills the pool: this resource, or RealServer resources. */
  readonly pool: "inline" | "separate";

  constructor(name: string, args: VirtualServerArgs, opts?: pulumi.CustomResourceOptions) {
    const { cluster, healthCheck, ...settings } = args;
    const withStacks = withoutStacks();
    try {
      super(
        typeToken("VirtualServer"),
        name,
        {
          __provider: providerStub("VirtualServer"),
          name,
          parent: parentType(opts),
          ...settings,
          protocol: args.fwmark === undefined ? (args.protocol ?? "tcp") : undefined,
          healthCheck: withSecrets(healthCheck),
          realServers: withSecretChecks(args.realServers),
          cluster: cluster.handle,
          ...OUTPUTS,
          ...Object.fromEntries(DECLARED.map((key) => [key, args[key]])),
        },
        opts,
      );
    } finally {
      withStacks();
    }
    this.cluster = cluster;
    this.pool = args.realServers === undefined ? "separate" : "inline";
  }

  /**
   * What a Linux host needs to be a real server of it, as a text: `heye realserver-config` prints the same.
   *
   * @example
   * new remote.Command("web1", { connection, create: web.realServerConfig({ forwarding: "dr" }) });
   */
  realServerConfig(args: RealServerConfigArgs): pulumi.Output<string> {
    return configText(this.address, args);
  }
}

/** Inputs that are outputs too, so that they are there when the program leaves them out. */
const DECLARED = [
  "address",
  "port",
  "fwmark",
  "family",
  "scheduler",
  "schedulerFlags",
  "persistence",
  "onePacket",
] as const;

const OUTPUTS = {
  key: undefined,
  effectiveWeights: undefined,
  gate: undefined,
  behind: undefined,
  drift: undefined,
  unreachable: undefined,
};
