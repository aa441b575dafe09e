import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { familyOf } from "../../spec/address";
import { checkSecrets } from "../../spec/kubernetes/check-secrets";
import { DECLARED_FOR, HEADLESS, LOAD_BALANCER_CLASS, SKIP_MIRROR } from "../../spec/kubernetes/keys";
import { healthCheckedServiceProblems } from "../../spec/kubernetes/service";
import type { HealthCheckArgs } from "../health-check";
import { refuseArguments } from "../refusal";
import { checkAnnotations, secretPart } from "./check-annotations";
import { partOf } from "./children";
import { namespaceOf, type ObjectMeta, withMetadata } from "./metadata";
import { grantSecret, type SecretReader } from "./secret-grant";

/** A port of a {@link HealthCheckedService}. */
export interface CheckedPortArgs {
  /** Name, which Service and servers share. Default: none; needed where there are several. */
  name?: pulumi.Input<string>;
  /** Port of the Service. */
  port: pulumi.Input<number>;
  /** Port of the servers. Default: `port`. */
  targetPort?: pulumi.Input<number>;
  /** Transport protocol. Default `TCP`. */
  protocol?: pulumi.Input<"TCP" | "UDP" | "SCTP">;
  /** With a Service of type NodePort or LoadBalancer: port on every node. Default: Kubernetes chooses. */
  nodePort?: pulumi.Input<number>;
  /** What is spoken there, such as `kubernetes.io/h2c`. Default: not said. */
  appProtocol?: pulumi.Input<string>;
}

/** How the servers of a {@link HealthCheckedService} are checked: by our parameters, or as HeYe's first version has it. */
export type ServiceCheckArgs =
  | {
      /** What proves that a server works. Default: `tcp`. Passwords and header fields go into a Secret. */
      healthCheck?: HealthCheckArgs;
      healthCheckType?: undefined;
      calledSource?: undefined;
    }
  | {
      healthCheck?: undefined;
      /** The check of HeYe's first version, with its defaults: every 2 s, 500 ms, 5 up, 2 down, `HEAD /`. */
      healthCheckType: pulumi.Input<"http" | "tcp" | "mysql">;
      /** Who asks, a remark of that version. Default: `pulumi`. */
      calledSource?: pulumi.Input<string>;
    };

/** Arguments of {@link HealthCheckedService}. */
export type HealthCheckedServiceArgs = ServiceCheckArgs & {
  /** Of the Service. Its name and namespace are the declaration's too. Default: Pulumi makes a name up. */
  metadata?: pulumi.Input<ObjectMeta>;
  /** What is served, and under which port the servers are reached. */
  ports: pulumi.Input<pulumi.Input<CheckedPortArgs>[]>;
  /** The servers, all of one family; hosts outside the cluster that no selector finds. */
  addresses: pulumi.Input<pulumi.Input<string>[]>;
  /** Anything else of the Service: `type`, `loadBalancerClass`, `sessionAffinity`, ... Default: a cluster IP. */
  spec?: Omit<k8s.types.input.core.v1.ServiceSpec, "ports" | "selector">;
  /** The kind of object that declares the servers. A change replaces it. Default `EndpointSlice`. */
  kind?: "EndpointSlice" | "Endpoints";
  /** A Secret, in the same namespace, with the check's secrets, in place of one that is made of them. Default: none. */
  healthCheckSecret?: pulumi.Input<string>;
  /**
   * Where the Secret of the check is made here: the controller that may read it. Default: you grant it by yourself. A Service of
   * the class `heye.io/ipvs` is deleted before a `HeyeController` that is named here: without one it would never be gone.
   */
  controller?: SecretReader;
};

/**
 * A Service whose servers Kubernetes cannot check: hosts outside the cluster, databases, anything that is listed by hand.
 * Made of a Service without a selector and of a declaration of its servers, which names their health check. The controller
 * reads the declaration, checks the servers, and lets those that pass into the Service; new ones enter after their check.
 *
 * The declaration is this program's alone: no server that goes down or comes back shows as a difference, and no `up` brings
 * a dead one back.
 *
 * @example
 * const db = new HealthCheckedService("db", {
 *   metadata: { name: "db", namespace: "shop" },
 *   ports: [{ name: "mysql", port: 3306 }],
 *   addresses: ["10.1.1.20", "10.1.1.21"],
 *   healthCheck: { type: "mysql", user: "heye", password: config.requireSecret("dbPassword") },
 *   controller,
 * });
 */
export class HealthCheckedService extends pulumi.ComponentResource {
  /** The Service. */
  readonly service: k8s.core.v1.Service;
  /** What names its servers. */
  readonly declaration: k8s.discovery.v1.EndpointSlice | k8s.core.v1.Endpoints;
  /** What holds the secrets of its check; undefined where none is made. */
  readonly secret: k8s.core.v1.Secret | undefined;
  /** Name of the Service in the cluster. */
  readonly name: pulumi.Output<string>;
  /** The Service's address in the cluster. */
  readonly clusterIP: pulumi.Output<string>;

  constructor(name: string, args: HealthCheckedServiceArgs, opts?: pulumi.ComponentResourceOptions) {
    const { spec, controller, ...checkable } = args;
    refuseArguments(`HealthCheckedService ${name}`, checkable, healthCheckedServiceProblems);
    super("heye:kubernetes:HealthCheckedService", name, {}, opts);
    const options = partOf(this, opts);
    const { metadata } = args;
    this.service = new k8s.core.v1.Service(
      name,
      {
        // Pulumi would wait for Endpoints of the Service's name, which come from elsewhere, or not at all.
        metadata: withMetadata(metadata, { annotations: { "pulumi.com/skipAwait": "true" } }),
        spec: { ...spec, ports: args.ports },
      },
      isBalanced(spec) && pulumi.Resource.isInstance(controller)
        ? pulumi.mergeOptions(options, { dependsOn: controller })
        : options,
    );
    const place = { metadata: { namespace: namespaceOf(metadata) as pulumi.Input<string> } };
    this.secret = secretOf(name, args, place, options);
    if (this.secret && controller)
      grantSecret(
        name,
        { ...place.metadata, secret: this.secret.metadata.name, reader: controller },
        options,
      );
    this.declaration = this.#declare(name, args, options);
    this.name = this.service.metadata.name;
    this.clusterIP = this.service.spec.clusterIP;
    this.registerOutputs({ name: this.name, clusterIP: this.clusterIP });
  }

  #declare(name: string, args: HealthCheckedServiceArgs, options: pulumi.CustomResourceOptions) {
    const service = this.service.metadata.name;
    const metadata = {
      name: service,
      namespace: namespaceOf(args.metadata) as pulumi.Input<string>,
      labels: { [DECLARED_FOR]: service, [HEADLESS]: "", [SKIP_MIRROR]: "true" },
      annotations: checkAnnotations(args, this.secret?.metadata.name ?? args.healthCheckSecret),
    };
    const ports = pulumi.output(args.ports).apply((all) => all.map(serverPort));
    const addresses = pulumi.output(args.addresses);
    if (args.kind === "Endpoints") {
      const subsets = [{ addresses: addresses.apply((all) => all.map((ip) => ({ ip }))), ports }];
      return new k8s.core.v1.Endpoints(name, { metadata, subsets }, options);
    }
    const addressType = addresses.apply(([first]) => (familyOf(first ?? "") === "ipv6" ? "IPv6" : "IPv4"));
    const endpoints = addresses.apply((all) => all.map((address) => ({ addresses: [address] })));
    return new k8s.discovery.v1.EndpointSlice(name, { metadata, addressType, endpoints, ports }, options);
  }
}

/** Whether directors may have to let go of it before it can be gone. */
function isBalanced(spec: HealthCheckedServiceArgs["spec"]): boolean {
  const { loadBalancerClass } = spec ?? {};
  return typeof loadBalancerClass === "string"
    ? loadBalancerClass === LOAD_BALANCER_CLASS
    : loadBalancerClass !== undefined;
}

/** Slices have no defaults: what is not said of a port would be any port. */
function serverPort({ name, port, targetPort, protocol, appProtocol }: pulumi.Unwrap<CheckedPortArgs>) {
  return {
    ...(name !== undefined && { name }),
    port: targetPort ?? port,
    protocol: protocol ?? "TCP",
    ...(appProtocol !== undefined && { appProtocol }),
  };
}

function secretOf(
  name: string,
  { healthCheck }: HealthCheckedServiceArgs,
  place: { metadata: { namespace: pulumi.Input<string> } },
  options: pulumi.CustomResourceOptions,
): k8s.core.v1.Secret | undefined {
  const part = secretPart(healthCheck);
  if (part === undefined) return undefined;
  const stringData = pulumi.secret(pulumi.output(part).apply((one) => ({ ...checkSecrets(one) })));
  return new k8s.core.v1.Secret(`${name}-check`, { ...place, stringData }, options);
}
