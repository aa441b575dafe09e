import type * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";

/** Directors that a `HeyeController` tells of Services. */
export interface ControllerDirectors {
  /** Where they serve their REST API: `https://192.0.2.1:9443`. Where they share etcd, one or two of them are enough. */
  urls: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Name of the Secret of the controller's namespace with `ca.crt`, `tls.crt` and `tls.key`, as cert-manager writes them; the
   * certificate's name is among the directors' `readWrite`. Default `heye-directors`.
   */
  secret?: pulumi.Input<string>;
}

/** Arguments of `HeyeController`. */
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
  /** Directors that serve Services of type LoadBalancer with the class `heye.io/ipvs`. Default: none, and nobody serves these. */
  directors?: ControllerDirectors;
  /** Secrets of its namespace to get the image with. Default: none. */
  imagePullSecrets?: pulumi.Input<pulumi.Input<string>[]>;
  /** What a pod asks for, and may use. Default: 50m of a processor and 128Mi, at most 512Mi. */
  resources?: pulumi.Input<k8s.types.input.core.v1.ResourceRequirements>;
  /** Nodes it may run on. Default: any. */
  nodeSelector?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** Taints that it bears. Default: none. */
  tolerations?: pulumi.Input<pulumi.Input<k8s.types.input.core.v1.Toleration>[]>;
}
