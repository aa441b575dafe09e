import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { poolProblems } from "../../spec/kubernetes/controller-settings";
import { LOAD_BALANCER_POOL } from "../../spec/kubernetes/keys";
import { poolData } from "../../spec/kubernetes/pool";
import { refuseArguments } from "../refusal";
import { partOf } from "./children";

/** Arguments of {@link LoadBalancerPool}. */
export interface LoadBalancerPoolArgs {
  /** The controller that gives them out, or where it runs. */
  controller: { readonly namespace: pulumi.Input<string> };
  /** Name of the pool in the cluster. Default: Pulumi makes one up. */
  name?: pulumi.Input<string>;
  /** Addresses, prefixes such as `192.0.2.0/28` and ranges such as `192.0.2.8-192.0.2.15`; none twice. */
  addresses: pulumi.Input<pulumi.Input<string>[]>;
  /** Whether Services get addresses that name no pool. Default true. */
  autoAssign?: pulumi.Input<boolean>;
}

/**
 * Addresses that Services of type LoadBalancer with `loadBalancerClass: heye.io/ipvs` may get: a ConfigMap in the
 * controller's namespace. It gives them out where it has directors (`--director`; docs/kubernetes.md).
 *
 * @example new LoadBalancerPool("public", { controller, addresses: ["192.0.2.0/28", "2001:db8:100::10"] });
 */
export class LoadBalancerPool extends pulumi.ComponentResource {
  /** What the controller reads. */
  readonly configMap: k8s.core.v1.ConfigMap;
  /** Name of the pool in the cluster. */
  readonly name: pulumi.Output<string>;

  constructor(name: string, args: LoadBalancerPoolArgs, opts?: pulumi.ComponentResourceOptions) {
    const { controller, ...settings } = args;
    refuseArguments(`LoadBalancerPool ${name}`, settings, poolProblems);
    super("heye:kubernetes:LoadBalancerPool", name, {}, opts);
    const labels = { [LOAD_BALANCER_POOL]: "true" };
    const { addresses, autoAssign } = args;
    const data = pulumi.output({ addresses, autoAssign }).apply((pool) => ({ ...poolData(pool) }));
    this.configMap = new k8s.core.v1.ConfigMap(
      name,
      {
        metadata: {
          namespace: controller.namespace,
          labels,
          ...(args.name !== undefined && { name: args.name }),
        },
        data,
      },
      partOf(this, opts),
    );
    this.name = this.configMap.metadata.name;
    this.registerOutputs({ name: this.name });
  }
}
