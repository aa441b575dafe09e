/**
 * What a Pulumi program imports: Cluster, VirtualServer, RealServer and ConfigFile. Types and wiring only; what the resources do
 * is in provider/, which runs in a process of Pulumi's.
 */
export type { ApiArgs, ApiTlsArgs } from "./api";
export { Cluster, type ClusterArgs, type DirectorArgs, type NodeOutput } from "./cluster";
export { ConfigFile, type ConfigFileArgs } from "./config-file";
export type { ConnectionArgs, ProxyConnectionArgs } from "./connection";
export type { EtcdArgs, EtcdAuthArgs, EtcdTlsArgs } from "./etcd";
export type {
  CheckArgs,
  CheckTimingArgs,
  CheckTlsArgs,
  HealthCheckArgs,
  HttpCheckArgs,
  MysqlCheckArgs,
  NoCheckArgs,
  TcpCheckArgs,
} from "./health-check";
export type {
  ForwardingArgs,
  GreTunnelArgs,
  GueTunnelArgs,
  IpipTunnelArgs,
  PoolMemberArgs,
  TunnelArgs,
} from "./pool-member";
export { presets } from "./presets";
export { RealServer, type RealServerArgs } from "./real-server";
export type { RealServerConfigArgs } from "./real-server-config";
export type { RolloutArgs, SettingsArgs, TimeoutsArgs } from "./settings";
export {
  type MarkArgs,
  type PersistenceArgs,
  type QuorumArgs,
  type SchedulerArgs,
  type SocketArgs,
  type SorryServerArgs,
  VirtualServer,
  type VirtualServerArgs,
} from "./virtual-server";
