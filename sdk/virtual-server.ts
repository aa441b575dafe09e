import * as pulumi from "@pulumi/pulumi";
import type { ForwardingMethod, HealthCheck, Protocol, Scheduler } from "../spec";
import type { Cluster } from "./cluster";
import { type HealthCheckArgs, withSecretPassword } from "./health-check";
import { providerStub, typeToken } from "./stub";

/** A server of an inline pool. */
export interface PoolMemberArgs {
  /** Address of the server. */
  address: pulumi.Input<string>;
  /** Port of the server. Default: the virtual server's port; with `dr` and `tun` it must be that one. */
  port?: pulumi.Input<number>;
  /** Share of new connections relative to the pool, 0 to 65535; 0 takes none. Default 1. */
  weight?: pulumi.Input<number>;
  /** How packets reach the server. Default `nat`. */
  forwarding?: pulumi.Input<ForwardingMethod>;
}

/** Arguments of {@link VirtualServer}. */
export interface VirtualServerArgs {
  /** The directors that serve it. A change of cluster replaces it. */
  cluster: Cluster;
  /** Transport protocol. Default `tcp`. A change replaces the virtual server. */
  protocol?: pulumi.Input<Protocol>;
  /** Virtual address, IPv4 or IPv6. A change replaces the virtual server. */
  address: pulumi.Input<string>;
  /** Virtual port. A change replaces the virtual server. */
  port: pulumi.Input<number>;
  /** How a director chooses the real server of a new connection, by the kernel's names. Default `wlc`. */
  scheduler?: pulumi.Input<Scheduler>;
  /** What proves that a server works before it is let in. Default: `tcp` for tcp, `none` for udp. */
  healthCheck?: HealthCheckArgs;
  /** The whole pool. Leave it out to make the pool of {@link RealServer} resources; never both. */
  realServers?: pulumi.Input<pulumi.Input<PoolMemberArgs>[]>;
}

/**
 * Protocol, address and port that every director of a cluster spreads over real servers.
 *
 * Create and update complete when every server that was let in has passed its health check from every director and all
 * kernels hold the change. When a server fails: an update changes nothing; a create leaves the entries with weight
 * 0 and is tried again by the next `up`. When a director fails: the others are put back.
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
  declare readonly protocol: pulumi.Output<Protocol>;
  declare readonly address: pulumi.Output<string>;
  declare readonly port: pulumi.Output<number>;
  declare readonly scheduler: pulumi.Output<Scheduler>;
  /** The check in force, with every default filled in. */
  declare readonly healthCheck: pulumi.Output<HealthCheck>;
  /** Identity on the directors, as errors show it: `tcp 192.0.2.10:80`. */
  declare readonly key: pulumi.Output<string>;
  /** After `refresh`: what differs from the declared state, by director; absent when nothing does. */
  declare readonly drift: pulumi.Output<Record<string, string[]> | undefined>;
  /** The cluster it is on. */
  readonly cluster: Cluster;
  /** Who fills the pool: this resource, or RealServer resources. */
  readonly pool: "inline" | "separate";

  constructor(name: string, args: VirtualServerArgs, opts?: pulumi.CustomResourceOptions) {
    const { cluster, healthCheck, ...settings } = args;
    super(
      typeToken("VirtualServer"),
      name,
      {
        __provider: providerStub("VirtualServer"),
        name,
        ...settings,
        protocol: args.protocol ?? "tcp",
        scheduler: args.scheduler,
        healthCheck: withSecretPassword(healthCheck),
        cluster: cluster.handle,
        key: undefined,
        drift: undefined,
      },
      opts,
    );
    this.cluster = cluster;
    this.pool = args.realServers === undefined ? "separate" : "inline";
  }
}
