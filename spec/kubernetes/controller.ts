/**
 * What the controller is in a cluster, as data: the manifest and the component for Pulumi programs are made of the same.
 */

/** Name of the controller's objects, and of the Lease by which its replicas agree on a leader. */
export const CONTROLLER = "heye-kubernetes";
/** How many replicas share the checks; of more the others stand by. A role has to name the Leases that may be written. */
const MEMBERS_MAX = 8;
/** Names of the Leases that replicas hold to have a share, in the order in which they are taken. */
export const MEMBER_LEASES: readonly string[] = Array.from(
  { length: MEMBERS_MAX },
  (_, index) => `${CONTROLLER}-member-${index + 1}`,
);
/** What selects its pods. */
export const CONTROLLER_LABELS = { "app.kubernetes.io/name": CONTROLLER } as const;
/** Where it runs, unless the user names another namespace. */
export const CONTROLLER_NAMESPACE = "heye-system";
/** Where it serves `/healthz`, `/readyz` and `/metrics`. */
export const CONTROLLER_PORT = 9440;
/** How many of it run unless the user says otherwise: each takes over from the other. */
export const CONTROLLER_REPLICAS = 2;
/** Needed for its start, and for some thousands of checks. */
export const CONTROLLER_RESOURCES = {
  requests: { cpu: "50m", memory: "128Mi" },
  limits: { memory: "512Mi" },
} as const;

/**
 * Its command line after the program's name.
 *
 * @param only the only namespace that it looks at; undefined: all
 * @param directors URLs of the APIs of directors that serve Services of the class heye.io/ipvs
 */
export function controllerArgs(port: number, only?: string, directors: readonly string[] = []): string[] {
  const tls = ["ca", "cert", "key"].flatMap((what, index) => [
    `--tls-${what}`,
    `${DIRECTORS_FOLDER}/${TLS_KEYS[index]}`,
  ]);
  return [
    ...["kubernetes", "--listen", `:${port}`],
    ...(only === undefined ? [] : ["--namespace", only]),
    ...directors.flatMap((url) => ["--director", url]),
    ...(directors.length === 0 ? [] : tls),
  ];
}

/** Where the Secret with its certificate for the directors' APIs is mounted. */
const DIRECTORS_FOLDER = "/etc/heye/directors";
const DIRECTORS_VOLUME = "directors";
/** Name of that Secret unless the user says otherwise; it has the keys that cert-manager writes. */
export const DIRECTORS_SECRET = "heye-directors";
const TLS_KEYS = ["ca.crt", "tls.crt", "tls.key"];

/** What a role allows, in Kubernetes' words. */
export interface PolicyRule {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly resourceNames?: string[];
  readonly verbs: string[];
}

/** What it may do wherever there are Services to serve. Secrets are granted one by one: {@link secretRule}. */
export function servedRules(): PolicyRule[] {
  const watch = ["list", "watch"];
  return [
    { apiGroups: [""], resources: ["services"], verbs: watch },
    // Endpoints of HeYe's first version are edited where they stand; of a declaration, the newest is read before a write.
    { apiGroups: [""], resources: ["endpoints"], verbs: ["get", ...watch, "patch"] },
    // It makes slices of its own from declarations.
    {
      apiGroups: ["discovery.k8s.io"],
      resources: ["endpointslices"],
      verbs: ["get", ...watch, "create", "patch", "delete"],
    },
    { apiGroups: [""], resources: ["events"], verbs: ["create"] },
  ];
}

/** What it may do besides wherever directors serve Services: finalizers, and annotations of its own. */
export function balancedRules(): PolicyRule[] {
  return [{ apiGroups: [""], resources: ["services", "services/status"], verbs: ["patch"] }];
}

/** What it may do besides where there are directors. Nodes are the cluster's: it takes a ClusterRole to see them. */
export function nodeRules(): PolicyRule[] {
  return [{ apiGroups: [""], resources: ["nodes"], verbs: ["list", "watch"] }];
}

/** What it may do besides in its own namespace, where pools are. */
export function poolRules(): PolicyRule[] {
  return [{ apiGroups: [""], resources: ["configmaps"], verbs: ["list", "watch"] }];
}

/** What it may do in its own namespace. A create names no object that a role could be held to. */
export function ownRules(): PolicyRule[] {
  const leases = { apiGroups: ["coordination.k8s.io"], resources: ["leases"] };
  return [
    // A list of all replicas names no object, either.
    { ...leases, verbs: ["create", "list"] },
    { ...leases, resourceNames: [CONTROLLER, ...MEMBER_LEASES], verbs: ["get", "update"] },
  ];
}

/** The volume that its certificate for directors' APIs comes by. It is of a group, so that the key is nobody's to read but the controller's. */
export function directorsVolume(secretName: string = DIRECTORS_SECRET) {
  return { name: DIRECTORS_VOLUME, secret: { secretName, defaultMode: 0o440 } };
}

/** Where its container has that volume. */
export const DIRECTORS_MOUNT = { name: DIRECTORS_VOLUME, mountPath: DIRECTORS_FOLDER, readOnly: true };

/** What allows it to read the secrets of one check, and nothing else. */
export function secretRule(name: string): PolicyRule {
  return { apiGroups: [""], resources: ["secrets"], resourceNames: [name], verbs: ["get"] };
}

/** The user of distroless images that is not root. */
const NOBODY = 65_532;

/** Passes the level `restricted` of Kubernetes' pod security standards. */
export const POD_SECURITY = {
  runAsNonRoot: true,
  runAsUser: NOBODY,
  runAsGroup: NOBODY,
  seccompProfile: { type: "RuntimeDefault" },
};

/** The same, with the group that {@link directorsVolume} is for. */
export const POD_SECURITY_WITH_DIRECTORS = { ...POD_SECURITY, fsGroup: POD_SECURITY.runAsGroup };

/** See {@link POD_SECURITY}. */
export const CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/** Two on one node would go with it. */
export const CONTROLLER_SPREAD = {
  maxSkew: 1,
  topologyKey: "kubernetes.io/hostname",
  whenUnsatisfiable: "ScheduleAnyway",
  labelSelector: { matchLabels: CONTROLLER_LABELS },
};

/** What the controller is told of where it runs. */
export const CONTROLLER_ENVIRONMENT = [
  { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
  { name: "POD_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
];

const probe = (path: string) => ({ httpGet: { path, port: "health" }, periodSeconds: 5 });

/** When Kubernetes restarts it, and when it counts as ready. */
export const CONTROLLER_PROBES = {
  livenessProbe: { ...probe("/healthz"), initialDelaySeconds: 10, failureThreshold: 6 },
  readinessProbe: probe("/readyz"),
};
