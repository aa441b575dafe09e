import * as pulumi from "@pulumi/pulumi";
import type { ForwardingMethod } from "../spec";
import { type HealthCheckArgs, withSecretPassword } from "./health-check";
import { providerStub, typeToken } from "./stub";
import type { PoolMemberArgs, VirtualServer } from "./virtual-server";

/** Arguments of {@link RealServer}. */
export interface RealServerArgs extends PoolMemberArgs {
  /** The virtual server it serves; one without `realServers` of its own. A change replaces the real server. */
  virtualServer: VirtualServer;
  /** What proves that it works. Default: the virtual server's check. */
  healthCheck?: HealthCheckArgs;
}

/**
 * One server behind a virtual server, as a resource of its own: for pools whose members are declared in different
 * places. Where the whole pool is known in one place, `realServers` of {@link VirtualServer} is faster and gives
 * smaller states. Gated like every server: see {@link VirtualServer}.
 *
 * @example new RealServer("web3", { virtualServer: web, address: "10.20.1.3", weight: 5 });
 */
export class RealServer extends pulumi.CustomResource {
  declare readonly address: pulumi.Output<string>;
  declare readonly port: pulumi.Output<number>;
  declare readonly weight: pulumi.Output<number>;
  declare readonly forwarding: pulumi.Output<ForwardingMethod>;
  /** After `refresh`: what differs from the declared state, by director; absent when nothing does. */
  declare readonly drift: pulumi.Output<Record<string, string[]> | undefined>;

  constructor(name: string, args: RealServerArgs, opts?: pulumi.CustomResourceOptions) {
    const { virtualServer, healthCheck, ...settings } = args;
    super(
      typeToken("RealServer"),
      name,
      {
        __provider: providerStub("RealServer"),
        name,
        cluster: virtualServer.cluster.handle,
        virtualServer: {
          protocol: virtualServer.protocol,
          address: virtualServer.address,
          port: virtualServer.port,
          pool: virtualServer.pool,
        },
        healthCheck: withSecretPassword(healthCheck) ?? virtualServer.healthCheck,
        ...settings,
        port: args.port,
        weight: args.weight,
        forwarding: args.forwarding,
        drift: undefined,
      },
      // Members leave before their virtual server does, and enter after it.
      pulumi.mergeOptions(opts, { dependsOn: [virtualServer] }),
    );
  }
}
