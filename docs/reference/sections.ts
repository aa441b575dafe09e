import type * as z from "zod";
import type { ResourceKind } from "../../provider";
import { cluster, realServer, virtualServer } from "../../spec";
import { controllerSettings, poolSettings } from "../../spec/kubernetes/controller-settings";
import { healthCheckedService } from "../../spec/kubernetes/service";

/** One type of the SDK on the page. */
export interface Section {
  /** Name of the type. */
  readonly type: string;
  /** Depth of its heading. */
  readonly level: 2 | 3 | 4;
  /** Where its properties are in the specification; absent: nowhere. */
  readonly schema?: z.ZodType;
  /** See `valueAt`. */
  readonly path?: readonly string[];
  /** Types among its parts that have sections of their own. */
  readonly apart?: readonly string[];
  /** The resource whose arguments these are. */
  readonly kind?: ResourceKind;
  /** Stands after what the type's comment says. */
  readonly note?: string;
  /** What holds where a property is left out that has no default. */
  readonly otherwise?: string;
}

/** A class of the SDK: the types of its arguments. */
export interface Chapter {
  readonly kind: ResourceKind;
  readonly sections: readonly Section[];
}

const AS_IT_IS = "left as it is";
const TUNNEL = { schema: realServer, path: ["tunnel"] } as const;

/** The page in its order. */
export const CHAPTERS: readonly Chapter[] = [
  {
    kind: "Cluster",
    sections: [
      { type: "ClusterArgs", level: 3, schema: cluster, kind: "Cluster" },
      { type: "DirectorArgs", level: 3, schema: cluster, path: ["directors", "[]"] },
      { type: "ConnectionArgs", level: 3, schema: cluster, path: ["connection"] },
      { type: "ProxyConnectionArgs", level: 3, schema: cluster, path: ["connection", "proxy"] },
      { type: "EtcdArgs", level: 3, schema: cluster, path: ["etcd"] },
      { type: "EtcdTlsArgs", level: 4, schema: cluster, path: ["etcd", "tls"] },
      { type: "EtcdAuthArgs", level: 4, schema: cluster, path: ["etcd", "auth"] },
      { type: "ApiArgs", level: 3, schema: cluster, path: ["api"] },
      { type: "ApiTlsArgs", level: 4, schema: cluster, path: ["api", "tls"] },
      { type: "SettingsArgs", level: 3, schema: cluster, path: ["settings"], otherwise: AS_IT_IS },
      { type: "TimeoutsArgs", level: 3, schema: cluster, path: ["timeouts"], otherwise: AS_IT_IS },
      { type: "RolloutArgs", level: 3, schema: cluster, path: ["rollout"] },
    ],
  },
  {
    kind: "VirtualServer",
    sections: [
      { type: "SocketArgs", level: 3, schema: virtualServer, kind: "VirtualServer" },
      { type: "MarkArgs", level: 3, schema: virtualServer, kind: "VirtualServer" },
      {
        type: "VirtualServerArgs",
        level: 3,
        schema: virtualServer,
        kind: "VirtualServer",
        apart: ["SocketArgs", "MarkArgs"],
        note: "Besides these, those of [SocketArgs](#socketargs) or of [MarkArgs](#markargs).",
      },
      { type: "PersistenceArgs", level: 3, schema: virtualServer, path: ["persistence"] },
      { type: "QuorumArgs", level: 3, schema: virtualServer, path: ["quorum"] },
      { type: "SorryServerArgs", level: 3, schema: virtualServer, path: ["sorryServer"] },
      {
        type: "RealServerConfigArgs",
        level: 3,
        schema: realServer,
        note: "For the method `realServerConfig` of a virtual server.",
      },
    ],
  },
  {
    kind: "RealServer",
    sections: [
      { type: "PoolMemberArgs", level: 3, schema: realServer, kind: "RealServer" },
      {
        type: "RealServerArgs",
        level: 3,
        kind: "RealServer",
        apart: ["PoolMemberArgs"],
        note: "Besides these, those of [PoolMemberArgs](#poolmemberargs).",
      },
      { type: "TunnelArgs", level: 3 },
      { type: "IpipTunnelArgs", level: 4, ...TUNNEL },
      { type: "GueTunnelArgs", level: 4, ...TUNNEL },
      { type: "GreTunnelArgs", level: 4, ...TUNNEL },
    ],
  },
];

/** A component: a class that makes other resources. */
export interface ComponentChapter {
  readonly type: string;
  /** Heading; two components of different doors may have one name. */
  readonly title: string;
  readonly sections: readonly Section[];
}

/** Components that `pulumi-heye` itself has. */
export const COMPONENTS: readonly ComponentChapter[] = [
  { type: "ConfigFile", title: "ConfigFile", sections: [{ type: "ConfigFileArgs", level: 3 }] },
];

/** Those of `pulumi-heye/kubernetes`. */
export const KUBERNETES: readonly ComponentChapter[] = [
  {
    type: "HealthCheckedService",
    title: "HealthCheckedService",
    sections: [
      { type: "HealthCheckedServiceArgs", level: 3, schema: healthCheckedService },
      { type: "CheckedPortArgs", level: 3, schema: healthCheckedService, path: ["ports", "[]"] },
      { type: "SecretReader", level: 3 },
    ],
  },
  {
    type: "HeyeController",
    title: "HeyeController",
    sections: [
      { type: "HeyeControllerArgs", level: 3, schema: controllerSettings },
      { type: "ControllerDirectors", level: 3, schema: controllerSettings, path: ["directors"] },
    ],
  },
  {
    type: "LoadBalancerPool",
    title: "LoadBalancerPool",
    sections: [{ type: "LoadBalancerPoolArgs", level: 3, schema: poolSettings }],
  },
  {
    type: "ConfigFile",
    title: "ConfigFile for Kubernetes",
    sections: [{ type: "KubernetesConfigFileArgs", level: 3 }],
  },
];

const CHECK = { schema: virtualServer, apart: ["CheckTimingArgs"] } as const;

/** The chapter of health checks, which are no resources. */
export const CHECKS: readonly Section[] = [
  { type: "HealthCheckArgs", level: 3 },
  { type: "HttpCheckArgs", level: 3, ...CHECK, path: ["healthCheck", "=http"] },
  { type: "CheckTlsArgs", level: 4, schema: virtualServer, path: ["healthCheck", "=http", "tls"] },
  { type: "TcpCheckArgs", level: 3, ...CHECK, path: ["healthCheck", "=tcp"] },
  { type: "MysqlCheckArgs", level: 3, ...CHECK, path: ["healthCheck", "=mysql"] },
  { type: "NoCheckArgs", level: 3, ...CHECK, path: ["healthCheck", "=none"] },
  {
    type: "CheckTimingArgs",
    level: 3,
    schema: virtualServer,
    path: ["healthCheck", "=tcp"],
    note: "All checks but `none` take these.",
  },
];
