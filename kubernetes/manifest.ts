import {
  balancedRules,
  CONTAINER_SECURITY,
  CONTROLLER,
  CONTROLLER_ENVIRONMENT,
  CONTROLLER_LABELS,
  CONTROLLER_NAMESPACE,
  CONTROLLER_PORT,
  CONTROLLER_PROBES,
  CONTROLLER_REPLICAS,
  CONTROLLER_RESOURCES,
  CONTROLLER_SPREAD,
  controllerArgs,
  DIRECTORS_MOUNT,
  directorsVolume,
  nodeRules,
  ownRules,
  POD_SECURITY,
  POD_SECURITY_WITH_DIRECTORS,
  type PolicyRule,
  poolRules,
  secretRule,
  servedRules,
} from "../spec/kubernetes";

/** What differs from one cluster to another. */
export interface ManifestOptions {
  /** Where the controller runs. Default: `heye-system`. */
  readonly namespace?: string | undefined;
  /** The image of the Containerfile. Default: `heye-kubernetes:latest`, as it is called where it was built. */
  readonly image?: string | undefined;
  /** They share the checks, and take over from each other. Default: 2. */
  readonly replicas?: number | undefined;
  /** Where /healthz, /readyz and /metrics are served. Default: 9440. */
  readonly port?: number | undefined;
  /** Secrets that checks may use. Default: none. */
  readonly secrets?: readonly { readonly namespace: string; readonly name: string }[] | undefined;
  /** URLs of the APIs of directors that serve Services of the class heye.io/ipvs. Default: none. */
  readonly directors?: readonly string[] | undefined;
}

/** An object of the manifest, as JSON. */
export interface ManifestObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

const RBAC = "rbac.authorization.k8s.io";

/**
 * Everything that the controller needs in a cluster, in the order in which it is to be created. Of Secrets it may read those
 * that are named, and no other.
 */
export function manifest(options: ManifestOptions = {}): ManifestObject[] {
  const { namespace = CONTROLLER_NAMESPACE, secrets = [], directors = [] } = options;
  const balanced = `${CONTROLLER}-directors`;
  return [
    named("Namespace", "v1", namespace),
    named("ServiceAccount", "v1", CONTROLLER, namespace),
    ...grant(CONTROLLER, undefined, namespace, servedRules()),
    ...grant(CONTROLLER, namespace, namespace, ownRules()),
    ...(directors.length === 0
      ? []
      : [
          ...grant(balanced, undefined, namespace, [...balancedRules(), ...nodeRules()]),
          ...grant(balanced, namespace, namespace, poolRules()),
        ]),
    ...secrets.flatMap(({ namespace: place, name }) =>
      grant(`${CONTROLLER}-${name}`, place, namespace, [secretRule(name)]),
    ),
    {
      ...named("PodDisruptionBudget", "policy/v1", CONTROLLER, namespace),
      spec: { maxUnavailable: 1, selector: { matchLabels: CONTROLLER_LABELS } },
    },
    { ...named("Deployment", "apps/v1", CONTROLLER, namespace), spec: deployment(options) },
  ];
}

function named(kind: string, apiVersion: string, name: string, namespace?: string): ManifestObject {
  const metadata = { name, ...(namespace !== undefined && { namespace }), labels: CONTROLLER_LABELS };
  return { apiVersion, kind, metadata };
}

/** A role of the ServiceAccount: of one namespace, or else of all. */
function grant(
  name: string,
  place: string | undefined,
  home: string,
  rules: readonly PolicyRule[],
): ManifestObject[] {
  const kind = place === undefined ? "ClusterRole" : "Role";
  const subjects = [{ kind: "ServiceAccount", name: CONTROLLER, namespace: home }];
  return [
    { ...named(kind, `${RBAC}/v1`, name, place), rules },
    {
      ...named(`${kind}Binding`, `${RBAC}/v1`, name, place),
      roleRef: { apiGroup: RBAC, kind, name },
      subjects,
    },
  ];
}

function deployment({
  image = `${CONTROLLER}:latest`,
  replicas = CONTROLLER_REPLICAS,
  port = CONTROLLER_PORT,
  directors = [],
}: ManifestOptions) {
  const isBalancing = directors.length > 0;
  return {
    replicas,
    selector: { matchLabels: CONTROLLER_LABELS },
    template: {
      metadata: { labels: CONTROLLER_LABELS },
      spec: {
        serviceAccountName: CONTROLLER,
        securityContext: isBalancing ? POD_SECURITY_WITH_DIRECTORS : POD_SECURITY,
        topologySpreadConstraints: [CONTROLLER_SPREAD],
        containers: [
          {
            name: "controller",
            image,
            args: controllerArgs(port, undefined, directors),
            env: CONTROLLER_ENVIRONMENT,
            ports: [{ name: "health", containerPort: port }],
            ...CONTROLLER_PROBES,
            resources: CONTROLLER_RESOURCES,
            securityContext: CONTAINER_SECURITY,
            ...(isBalancing && { volumeMounts: [DIRECTORS_MOUNT] }),
          },
        ],
        ...(isBalancing && { volumes: [directorsVolume()] }),
      },
    },
  };
}
