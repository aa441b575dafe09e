import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as spec from "../../spec/kubernetes/controller";
import { controllerProblems } from "../../spec/kubernetes/controller-settings";
import { refuseArguments } from "../refusal";
import { partOf } from "./children";
import type { HeyeControllerArgs } from "./controller-args";
import { controllerPods } from "./controller-pods";
import { grantController } from "./controller-rights";

/**
 * The controller that checks servers and sets their readiness, with all it needs in a cluster: a ServiceAccount, roles
 * for no more than it does, replicas that share the checks, a disruption budget, and a Service for its metrics. Its pods
 * run without root, without capabilities and on a root file system that cannot be written.
 *
 * It may read no Secret, but those that {@link HealthCheckedService} grants to it. With `directors` it may also patch Services, and see
 * nodes and the pools of its namespace.
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
    const granted = grantController(
      name,
      {
        ...{ metadata, account: this.serviceAccountName, watched: args.watchNamespace },
        hasDirectors: args.directors !== undefined,
      },
      options,
    );
    const after = pulumi.mergeOptions(options, { dependsOn: granted });
    this.deployment = new k8s.apps.v1.Deployment(
      name,
      { metadata, spec: controllerPods(args, this.serviceAccountName) },
      after,
    );
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
}
