/**
 * The one specification. Schemas say what a user may state, types are inferred from them, `parse` turns input into
 * normal form and lists every problem with its property path. All doors (Pulumi today; YAML, REST and Kubernetes
 * later) yield what is defined here. Imports nothing of ours and does no I/O.
 */
export { canonicalAddress, endpoint, type Family, familyOf } from "./address";
export { type ApiAccess, apiAccess, listenPlace } from "./api-access";
export { CHECK_METHODS, type CheckMethod } from "./checks/http";
export {
  type Cluster,
  cluster,
  clusterProblems,
  DIRECTORS_MAX,
  type Director,
  director,
  directorConnection,
} from "./cluster";
export {
  clusterWarnings,
  type LintedCluster,
  type LintedMember,
  type LintedServer,
  placedMemberWarnings,
  placedWarnings,
} from "./cluster-lint";
export { type Connection, connection, type HostConnection } from "./connection";
export { type ClusterCredentials, joinCredentials, splitCredentials } from "./credentials";
export { type Etcd, etcd } from "./etcd";
export {
  type ActiveHealthCheck,
  CHECK_TYPES,
  type HealthCheck,
  type HealthCheckInput,
  type HealthCheckOf,
  healthCheck,
  transportOf,
} from "./health-check";
export {
  familyOfIdentity,
  IDENTITY_FIELDS,
  identityOf,
  identityProblems,
  type MarkIdentity,
  PROTOCOLS,
  type Protocol,
  type SocketIdentity,
  type VirtualServerIdentity,
  virtualServerId,
  virtualServerIdentity,
  virtualServerKey,
  withIdentityDefaults,
} from "./identity";
export { virtualServerLint } from "./lint";
export { checkPortProblems, memberProblems, normalMember } from "./member-rules";
export { parseVirtualServer, sortPool } from "./normal";
export { type IsUnknown, type Parsed, parse } from "./parse";
export { ADDRESS_BITS, type Persistence } from "./persistence";
export { HEYE_V1 } from "./presets";
export { formatPath, type Problem, type PropertyPath } from "./problem";
export {
  type DeclaredRealServer,
  DRAIN_MS,
  FORWARDING_METHODS,
  type ForwardingMethod,
  type RealServer,
  realServer,
  realServerKey,
  realServerSettings,
  WEIGHT_MAX,
} from "./real-server";
export { type RealServerRole, RealServerRoleError } from "./real-server-config";
export { CONFIG_FORMATS, type ConfigFormat, realServerConfig } from "./real-server-text";
export { isRecord } from "./record";
export {
  goesByOrder,
  ignoresWeights,
  refusesAtWeightZero,
  SCHEDULER_FLAGS,
  SCHEDULERS,
  type Scheduler,
  type SchedulerFlag,
  scheduler,
} from "./scheduler";
export { seal, unseal } from "./seal";
export {
  addressPlacement,
  type KernelValues,
  kernelValues,
  type NamedSetting,
  PLACEMENTS,
  RIVALS,
  type Rival,
  type Rollout,
  type Settings,
  sysctlsOf,
  TIMEOUT_KEYS,
  type Timeouts,
  tidy,
} from "./settings";
export { includesStatus, type StatusRange } from "./status-ranges";
export {
  DEFAULT_TUNNEL,
  TUNNEL_CHECKSUMS,
  TUNNEL_TYPES,
  type Tunnel,
  type TunnelType,
  tunnelProblems,
} from "./tunnel";
export {
  defaultHealthCheck,
  type Quorum,
  type ServiceSettings,
  type SorryServer,
  type VirtualServer,
  virtualServer,
} from "./virtual-server";
export { withoutSecrets } from "./without-secrets";
