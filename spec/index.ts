/**
 * The one specification. Schemas say what a user may state, types are inferred from them, `parse` turns input into
 * normal form and lists every problem with its property path. All doors (Pulumi today; YAML, REST and Kubernetes
 * later) yield what is defined here. Imports nothing of ours and does no I/O.
 */
export { canonicalAddress, endpoint, type Family, familyOf } from "./address";
export {
  type Cluster,
  cluster,
  clusterProblems,
  DIRECTORS_MAX,
  type Director,
  director,
  directorConnection,
} from "./cluster";
export { type Connection, connection, type HostConnection } from "./connection";
export { type ClusterCredentials, joinCredentials, splitCredentials } from "./credentials";
export {
  type ActiveHealthCheck,
  type HealthCheck,
  type HealthCheckInput,
  type HealthCheckOf,
  healthCheck,
} from "./health-check";
export { memberProblems, parseVirtualServer, sortPool } from "./normal";
export { type IsUnknown, type Parsed, parse } from "./parse";
export { formatPath, type Problem, type PropertyPath } from "./problem";
export {
  FORWARDING_METHODS,
  type ForwardingMethod,
  type RealServer,
  realServer,
  realServerKey,
  realServerSettings,
  WEIGHT_MAX,
} from "./real-server";
export { SCHEDULERS, type Scheduler, scheduler } from "./scheduler";
export {
  defaultHealthCheck,
  PROTOCOLS,
  type Protocol,
  type VirtualServer,
  type VirtualServerIdentity,
  virtualServer,
  virtualServerIdentity,
  virtualServerKey,
} from "./virtual-server";
