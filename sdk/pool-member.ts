import * as pulumi from "@pulumi/pulumi";
import type { ForwardingMethod } from "../spec";
import { type HealthCheckArgs, withSecrets } from "./health-check";

/** How packets to a `tun` server are wrapped. */
export type TunnelArgs = IpipTunnelArgs | GueTunnelArgs | GreTunnelArgs;

/** IP in IP, the default. */
export interface IpipTunnelArgs {
  type?: "ipip";
}

/** Generic UDP encapsulation; the director needs Linux 5.3 or newer. */
export interface GueTunnelArgs {
  type: "gue";
  /** UDP port on which the server takes it. */
  port: pulumi.Input<number>;
  /** Checksum of the outer header: `none` (the default), `normal`, or `remote`: the inner one, moved outwards. */
  checksum?: pulumi.Input<"none" | "normal" | "remote">;
}

/** Generic routing encapsulation; the director needs Linux 5.4 or newer. */
export interface GreTunnelArgs {
  type: "gre";
  /** Checksum of the outer header. Default `none`. */
  checksum?: pulumi.Input<"none" | "normal">;
}

/** How packets reach a server. Only `tun` has a tunnel. */
export type ForwardingArgs =
  | {
      /**
       * `nat` (the default) rewrites the destination, `dr` the MAC address, `tun` wraps the packet. Connections that
       * exist are not carried over: before a change, remove the server, and add it again two minutes later.
       */
      forwarding?: pulumi.Input<ForwardingMethod>;
      tunnel?: undefined;
    }
  | {
      forwarding: "tun";
      /** Default: IP in IP. */
      tunnel?: TunnelArgs;
    };

/** A server of an inline pool. */
export type PoolMemberArgs = ForwardingArgs & {
  /** Address of the server. */
  address: pulumi.Input<string>;
  /**
   * Port of the server; 0, that of the packet, only where the virtual server has none of its own. Default: the virtual
   * server's port; with `dr` and `tun` it must be that one.
   */
  port?: pulumi.Input<number>;
  /** Share of new connections relative to the pool, 0 to 65535; 0 takes none. Default 1. */
  weight?: pulumi.Input<number>;
  /** Connections per director above which the server gets no new ones. Default 0: no limit. */
  upperThreshold?: pulumi.Input<number>;
  /** Connections per director below which it gets new ones again. Default 0: three quarters of `upperThreshold`. */
  lowerThreshold?: pulumi.Input<number>;
  /** Milliseconds its connections may go on when it is removed; 0: they are cut. Default 30000. */
  drainMs?: pulumi.Input<number>;
  /** What proves that this server works. Default: the virtual server's check. */
  healthCheck?: HealthCheckArgs;
};

type PoolArgs = pulumi.Input<pulumi.Input<PoolMemberArgs>[]>;

/** The same pool with the secrets of its servers' own checks marked as such. */
export function withSecretChecks(pool: PoolArgs | undefined): PoolArgs | undefined {
  if (pool === undefined) return undefined;
  if (!Array.isArray(pool)) return pulumi.output(pool).apply((members) => members.map(withSecretCheck));
  return pool.map((member) =>
    pulumi.Output.isInstance(member) || member instanceof Promise
      ? pulumi.output(member).apply(withSecretCheck)
      : withSecretCheck(member),
  );
}

function withSecretCheck<M extends { healthCheck?: unknown }>(member: M): M {
  if (member?.healthCheck === undefined) return member;
  return { ...member, healthCheck: withSecrets(member.healthCheck as HealthCheckArgs) };
}
