import type * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as spec from "../../spec/kubernetes/controller";
import type { HeyeControllerArgs } from "./controller-args";

/** What runs of a controller: replicas that may do no more than they must, by the ServiceAccount `account`. */
export function controllerPods(
  args: HeyeControllerArgs,
  account: pulumi.Input<string>,
): k8s.types.input.apps.v1.DeploymentSpec {
  const { image, resources, nodeSelector, tolerations, watchNamespace, directors } = args;
  const port = args.port ?? spec.CONTROLLER_PORT;
  const labels = spec.CONTROLLER_LABELS;
  const container = {
    name: "controller",
    image,
    args: pulumi
      .all([port, watchNamespace, directors?.urls ?? []])
      .apply(([on, only, urls]) => spec.controllerArgs(on, only, urls)),
    env: spec.CONTROLLER_ENVIRONMENT,
    ports: [{ name: "health", containerPort: port }],
    ...spec.CONTROLLER_PROBES,
    resources: resources ?? spec.CONTROLLER_RESOURCES,
    securityContext: spec.CONTAINER_SECURITY,
    ...(directors && { volumeMounts: [spec.DIRECTORS_MOUNT] }),
  };
  return {
    replicas: args.replicas ?? spec.CONTROLLER_REPLICAS,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        serviceAccountName: account,
        securityContext: directors ? spec.POD_SECURITY_WITH_DIRECTORS : spec.POD_SECURITY,
        topologySpreadConstraints: [spec.CONTROLLER_SPREAD],
        containers: [container],
        ...(directors && {
          volumes: [pulumi.output(directors.secret).apply((secret) => spec.directorsVolume(secret))],
        }),
        ...(args.imagePullSecrets !== undefined && {
          imagePullSecrets: namedSecrets(args.imagePullSecrets),
        }),
        ...(nodeSelector !== undefined && { nodeSelector }),
        ...(tolerations !== undefined && { tolerations }),
      },
    },
  };
}

function namedSecrets(names: pulumi.Input<pulumi.Input<string>[]>) {
  return pulumi.output(names).apply((all) => all.map((name) => ({ name })));
}
