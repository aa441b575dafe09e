/**
 * Components for Pulumi programs that use Kubernetes, on @pulumi/kubernetes; imported as `pulumi-heye/kubernetes`, so that
 * other programs need it not. Types and wiring only; what annotations mean is in spec/kubernetes.
 */
export { ConfigFile, type KubernetesConfigFileArgs, type KubernetesObject } from "./config-file";
export type { ControllerDirectors, HeyeControllerArgs } from "./controller-args";
export {
  type CheckedPortArgs,
  HealthCheckedService,
  type HealthCheckedServiceArgs,
  type ServiceCheckArgs,
} from "./health-checked-service";
export { HeyeController } from "./heye-controller";
export { LoadBalancerPool, type LoadBalancerPoolArgs } from "./load-balancer-pool";
export type { SecretReader } from "./secret-grant";
