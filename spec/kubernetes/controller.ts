/**
 * What the controller is in a cluster, as data: the manifest and the component for Pulumi programs are made of the same.
 */

/** Name of the controller's objects, unless the user names another. */
export const CONTROLLER_NAME = "heye-controller";
/** Its command line after the program's name. */
export const CONTROLLER_ARGS = ["kubernetes"] as const;
/** Where it serves `/metrics`, `/livez` and `/readyz`. */
export const CONTROLLER_PORT = 9464;
/** Name of that port. */
export const CONTROLLER_PORT_NAME = "metrics";
/** Kubernetes' probes of it. */
export const CONTROLLER_PROBES = { liveness: "/livez", readiness: "/readyz" } as const;
/** Name of the Lease by which its replicas agree on a leader, in its own namespace. */
export const CONTROLLER_LEASE = "heye-controller";
/** How many of it run unless the user says otherwise: one to lead, one to take over. */
export const CONTROLLER_REPLICAS = 2;

/** What a role allows, in Kubernetes' words. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const READ = ["get", "list", "watch"] as const;

/**
 * What it may do wherever there are Services to serve. It reads no Secret by this: whoever names one in an annotation
 * grants it that one (see {@link secretRule}).
 */
export const SERVED_RULES: readonly PolicyRule[] = [
  { apiGroups: [""], resources: ["services"], verbs: READ },
  // The address of a Service of our class is told there.
  { apiGroups: [""], resources: ["services/status"], verbs: ["patch"] },
  // Endpoints of HeYe's first version are edited where they stand.
  { apiGroups: [""], resources: ["endpoints"], verbs: [...READ, "update", "patch"] },
  {
    apiGroups: ["discovery.k8s.io"],
    resources: ["endpointslices"],
    verbs: [...READ, "create", "update", "patch", "delete"],
  },
  { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] },
];

/** What it may do in its own namespace besides. */
export const OWN_RULES: readonly PolicyRule[] = [
  {
    apiGroups: ["coordination.k8s.io"],
    resources: ["leases"],
    verbs: [...READ, "create", "update", "patch"],
  },
  // Pools of addresses.
  { apiGroups: [""], resources: ["configmaps"], verbs: READ },
];

/** What allows it to read the secrets of one check, and nothing else. */
export function secretRule(name: string): PolicyRule {
  return { apiGroups: [""], resources: ["secrets"], resourceNames: [name], verbs: ["get"] };
}

/** Passes the `restricted` level of Kubernetes' pod security standards. */
export const POD_SECURITY = {
  runAsNonRoot: true,
  runAsUser: 65_532,
  runAsGroup: 65_532,
  seccompProfile: { type: "RuntimeDefault" },
} as const;

/** See {@link POD_SECURITY}. */
export const CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
} as const;

/** What the controller is told of where it runs: variables, and the fields of its pod that they come from. */
export const CONTROLLER_ENVIRONMENT = {
  POD_NAME: "metadata.name",
  POD_NAMESPACE: "metadata.namespace",
} as const;
