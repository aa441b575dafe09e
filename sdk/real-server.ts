import * as pulumi from "@pulumi/pulumi";
import type { ForwardingMethod } from "../spec";
import { withSecrets } from "./health-check";
import { parentType } from "./parent-type";
import type { PoolMemberArgs } from "./pool-member";
import { providerStub, typeToken } from "./stub";
import type { VirtualServer } from "./virtual-server";
import { withoutStacks } from "./without-stacks";

/** Arguments of {@link RealServer}. */
export type RealServerArgs = PoolMemberArgs & {
  /** The virtual server it serves; one without `realServers` of its own. A change replaces the real server. */
  virtualServer: VirtualServer;
  /** Take it over where it stands on the directors and belongs to nobody. Default false: then that is an error. */
  adopt?: pulumi.Input<boolean>;
};

/**
 * One server behind a virtual server, as a resource of its own: for pools whose members are declared in different
 * places. Where the whole pool is known in one place, `realServers` of {@link VirtualServer} is faster and gives
 * smaller states. Gated and drained like every server: see {@link VirtualServer}.
 *
 * @example new RealServer("web3", { virtualServer: web, address: "10.20.1.3", weight: 5 });
 */
export class RealServer extends pulumi.CustomResource {
  declare readonly address: pulumi.Output<string>;
  declare readonly port: pulumi.Output<number>;
  declare readonly weight: pulumi.Output<number>;
  declare readonly forwarding: pulumi.Output<ForwardingMethod>;
  /** The weight it has in the kernels: 0 while it is held back by its gate. */
  declare readonly effectiveWeight: pulumi.Output<number>;
  /** What it answered when it was let in, by address and port. */
  declare readonly gate: pulumi.Output<Record<string, string> | undefined>;
  /** Directors that were left out of the last change, and why. The next `up` tries again. */
  declare readonly behind: pulumi.Output<Record<string, string> | undefined>;
  /** After `refresh`: what differs from the declared state, by director; absent when nothing does. */
  declare readonly drift: pulumi.Output<Record<string, string[]> | undefined>;
  /** After `refresh`: directors that could not be read, and why. What is recorded of them was kept. */
  declare readonly unreachable: pulumi.Output<Record<string, string> | undefined>;

  constructor(name: string, args: RealServerArgs, opts?: pulumi.CustomResourceOptions) {
    const { virtualServer, healthCheck, ...settings } = args;
    const withStacks = withoutStacks();
    try {
      super(
        typeToken("RealServer"),
        name,
        {
          __provider: providerStub("RealServer"),
          name,
          parent: parentType(opts),
          cluster: virtualServer.cluster.handle,
          virtualServer: {
            protocol: virtualServer.protocol,
            address: virtualServer.address,
            port: virtualServer.port,
            fwmark: virtualServer.fwmark,
            family: virtualServer.family,
            pool: virtualServer.pool,
          },
          healthCheck: withSecrets(healthCheck) ?? virtualServer.healthCheck,
          ...settings,
          port: args.port,
          weight: args.weight,
          forwarding: args.forwarding,
          effectiveWeight: undefined,
          gate: undefined,
          behind: undefined,
          drift: undefined,
          unreachable: undefined,
        },
        // Members leave before their virtual server does, and enter after it.
        pulumi.mergeOptions(opts, { dependsOn: [virtualServer] }),
      );
    } finally {
      withStacks();
    }
  }
}
