import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as spec from "../../spec/kubernetes/controller";
import { controllerProblems } from "../../spec/kubernetes/controller-settings";
import { refuseArguments } from "../refusal";
import { partOf } from "./children";

/** Arguments of {@link HeyeController}. */
export interface HeyeControllerArgs {
  /** The controller's image, by digest where you can. */
  image: pulumi.Input<string>;
  /** Where it runs. Default `heye-system`. */
  namespace?: pulumi.Input<string>;
  /** Whether the namespace is made here, with the level `restricted` of Kubernetes' pod security. Default true. */
  createNamespace?: boolean;
  /** The only namespace whose Services it serves; its rights end there too. Default: all of the cluster. */
  watchNamespace?: pulumi.Input<string>;
  /** How many run: they share the checks, and take over from each other. Default 2. */
  replicas?: pulumi.Input<number>;
  /** Where `/metrics`, `/healthz` and `/readyz` are served. Default 9440. */
  port?: pulumi.Input<number>;
  /** Secrets of its namespace to get the image with. Default: none. */
  imagePullSecrets?: pulumi.Input<pulumi.Input<string>[]>;
  /** What a pod asks for, and may use. Default: 50m of a processor and 128Mi, at most 512Mi. */
  resources?: pulumi.Input<k8s.types.input.core.v1.ResourceRequirements>;
  /** Nodes it may run on. Default: any. */
  nodeSelector?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** Taints that it bears. Default: none. */
  tolerations?: pulumi.Input<pulumi.Input<k8s.types.input.core.v1.Toleration>[]>;
}

const RBAC = "rbac.authorization.k8s.io";

/**
 * The controller that checks servers and sets their readiness, with all it needs in a cluster: a ServiceAccount, roles
 * for no more than it does, replicas that share the checks, a disruption budget, and a Service for its metrics. Its pods
 * run without root, without capabilities and on a root file system that cannot be written.
 *
 * It may read no Secret, but those that {@link HealthCheckedService} grants to it.
 *
 * @example const controller = new HeyeController("heye", { image: "registry.example/heye-kubernetes@sha256:..." });
 */
export class HeyeController extends pulumi.ComponentResource {
  /** Where it runs. */
  readonly namespace: pulumi.Output<string>;
  /** The ServiceAccount that it runs as. */
  readonly serviceAccountName: pulumi.Output<string>;
  /** Its pods. */
  readonly deployment: k8s.apps.v1.Deployment;
  /** What its metrics are read through. */
  readonly metrics: k8s.core.v1.Service;

  constructor(name: string, args: HeyeControllerArgs, opts?: pulumi.ComponentResourceOptions) {
    const { resources, nodeSelector, tolerations, ...settings } = args;
    refuseArguments(`HeyeController ${name}`, settings, controllerProblems);
    super("heye:kubernetes:HeyeController", name, {}, opts);
    const options = partOf(this, opts);
    const namespace = this.#namespace(name, args, options);
    this.namespace = pulumi.output(namespace);
    const metadata = { name: spec.CONTROLLER, namespace, labels: spec.CONTROLLER_LABELS };
    const account = new k8s.core.v1.ServiceAccount(
      name,
      // Pulumi's plugin would wait for a Secret with a token, which Kubernetes makes no longer.
      { metadata: { ...metadata, annotations: { "pulumi.com/skipAwait": "true" } } },
      options,
    );
    this.serviceAccountName = account.metadata.name;
    const granted = this.#grant(name, metadata, args.watchNamespace, options);
    const after = pulumi.mergeOptions(options, { dependsOn: granted });
    this.deployment = new k8s.apps.v1.Deployment(name, { metadata, spec: this.#pods(args) }, after);
    new k8s.policy.v1.PodDisruptionBudget(
      name,
      { metadata, spec: { maxUnavailable: 1, selector: { matchLabels: spec.CONTROLLER_LABELS } } },
      options,
    );
    this.metrics = new k8s.core.v1.Service(
      name,
      {
        metadata: { ...metadata, annotations: { "pulumi.com/skipAwait": "true" } },
        spec: {
          clusterIP: "None",
          selector: spec.CONTROLLER_LABELS,
          ports: [{ name: "health", port: args.port ?? spec.CONTROLLER_PORT, targetPort: "health" }],
        },
      },
      options,
    );
    this.registerOutputs({ namespace: this.namespace, serviceAccountName: this.serviceAccountName });
  }

  #namespace(
    name: string,
    args: HeyeControllerArgs,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Input<string> {
    const named = args.namespace ?? spec.CONTROLLER_NAMESPACE;
    if (args.createNamespace === false) return named;
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    return new k8s.core.v1.Namespace(name, { metadata: { name: named, labels } }, options).metadata.name;
  }

  /** Its rights. @returns what has to be there before its pods are of use */
  #grant(
    name: string,
    metadata: Metadata,
    watched: pulumi.Input<string> | undefined,
    options: pulumi.CustomResourceOptions,
  ): pulumi.Resource[] {
    const { labels, namespace } = metadata;
    const subjects = [{ kind: "ServiceAccount", name: this.serviceAccountName, namespace }];
    const to = (kind: string, role: pulumi.Output<string>) => ({
      roleRef: { apiGroup: RBAC, kind, name: role },
      subjects,
    });
    const own = new k8s.rbac.v1.Role(name, { metadata, rules: spec.ownRules() }, options);
    const bound = new k8s.rbac.v1.RoleBinding(name, { metadata, ...to("Role", own.metadata.name) }, options);
    // Names that belong to the whole cluster are made up, so that several controllers can stand in it.
    const served = {
      metadata: { labels, ...(watched !== undefined && { namespace: watched }) },
      rules: spec.servedRules(),
    };
    if (watched !== undefined) {
      const role = new k8s.rbac.v1.Role(`${name}-served`, served, options);
      const args = { metadata: served.metadata, ...to("Role", role.metadata.name) };
      return [bound, new k8s.rbac.v1.RoleBinding(`${name}-served`, args, options)];
    }
    const role = new k8s.rbac.v1.ClusterRole(name, served, options);
    const args = { metadata: served.metadata, ...to("ClusterRole", role.metadata.name) };
    return [bound, new k8s.rbac.v1.ClusterRoleBinding(name, args, options)];
  }

  #pods(args: HeyeControllerArgs): k8s.types.input.apps.v1.DeploymentSpec {
    const { image, resources, nodeSelector, tolerations, watchNamespace } = args;
    const port = args.port ?? spec.CONTROLLER_PORT;
    const labels = spec.CONTROLLER_LABELS;
    const container = {
      name: "controller",
      image,
      args: pulumi.all([port, watchNamespace]).apply(([on, only]) => spec.controllerArgs(on, only)),
      env: spec.CONTROLLER_ENVIRONMENT,
      ports: [{ name: "health", containerPort: port }],
      ...spec.CONTROLLER_PROBES,
      resources: resources ?? spec.CONTROLLER_RESOURCES,
      securityContext: spec.CONTAINER_SECURITY,
    };
    return {
      replicas: args.replicas ?? spec.CONTROLLER_REPLICAS,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: this.serviceAccountName,
          securityContext: spec.POD_SECURITY,
          topologySpreadConstraints: [spec.CONTROLLER_SPREAD],
          containers: [container],
          ...(args.imagePullSecrets !== undefined && {
            imagePullSecrets: namedSecrets(args.imagePullSecrets),
          }),
          ...(nodeSelector !== undefined && { nodeSelector }),
          ...(tolerations !== undefined && { tolerations }),
        },
      },
    };
  }
}

interface Metadata {
  readonly name: string;
  readonly namespace: pulumi.Input<string>;
  readonly labels: Readonly<Record<string, string>>;
}

function namedSecrets(names: pulumi.Input<pulumi.Input<string>[]>) {
  return pulumi.output(names).apply((all) => all.map((name) => ({ name })));
}
