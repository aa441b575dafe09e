/** Labels and annotations of Kubernetes objects that the controller reads or writes. */

/** Annotation: a health check as JSON, with the properties of `healthCheck` in spec/health-check.ts, without secrets. */
export const HEALTH_CHECK = "heye.io/health-check";
/** Annotation: the name of a Secret in the object's namespace with the secrets of its check; see check-secrets.ts. */
export const HEALTH_CHECK_SECRET = "heye.io/health-check-secret";
/** Annotation of HeYe's first version on Endpoints: who asks. Any text; it has to be there. */
export const CALLED_SOURCE = "calledSource";
/** Annotation of HeYe's first version on Endpoints: the kind of check. */
export const HEALTH_CHECK_TYPE = "healthCheckType";
/** What {@link HEALTH_CHECK_TYPE} may be. */
export const V1_CHECK_TYPES = ["http", "tcp", "mysql"] as const;

/**
 * Label of an EndpointSlice or of Endpoints that are a declaration: the name of the Service, of the same namespace, that
 * they name addresses for. A declaration is written by its owner alone. The controller reads it, and writes what it finds
 * to EndpointSlices of its own, which carry Kubernetes' own {@link SERVICE_NAME}; a declaration never does, or kube-proxy
 * and DNS would send traffic to addresses that nobody has checked. Decision 0024 says why.
 */
export const DECLARED_FOR = "heye.io/service-name";
/** Kubernetes' label of the slices that serve a Service. */
export const SERVICE_NAME = "kubernetes.io/service-name";
/** Kubernetes' label that keeps kube-proxy from watching a slice; its value is empty. Every declaration carries it. */
export const HEADLESS = "service.kubernetes.io/headless";
/** Kubernetes' label that keeps Endpoints from being mirrored; its value is `true`. */
export const SKIP_MIRROR = "endpointslice.kubernetes.io/skip-mirror";
/** Kubernetes' label of slices: who writes them. */
export const MANAGED_BY = "endpointslice.kubernetes.io/managed-by";
/** Value of {@link MANAGED_BY} on the slices that the controller writes. */
export const MANAGER = "heye.io";

/** `loadBalancerClass` of Services that get an address from a pool and are served by directors. */
export const LOAD_BALANCER_CLASS = "heye.io/ipvs";
/** Label of a ConfigMap in the controller's namespace that is a pool; its value is `true`. */
export const LOAD_BALANCER_POOL = "heye.io/load-balancer-pool";

/** Annotation of a Service of {@link LOAD_BALANCER_CLASS}: the pool that its addresses are to be of; default: any that gives by itself. */
export const POOL = "heye.io/pool";
/** Annotation of such a Service: the addresses that it is to have, with commas between them. */
export const ADDRESSES = "heye.io/addresses";
/** Annotation of such a Service: `nodes` (default), the node ports of nodes, or `endpoints`, its ready endpoints themselves. */
export const REAL_SERVERS = "heye.io/real-servers";
/** Annotation of such a Service: the scheduler of its virtual servers. */
export const SCHEDULER = "heye.io/scheduler";
/** Annotation of such a Service: how packets reach its real servers. */
export const FORWARDING = "heye.io/forwarding";
/** Annotation of such a Service: properties of its virtual servers as JSON, as spec/virtual-server.ts has them. */
export const VIRTUAL_SERVER = "heye.io/virtual-server";
/** Annotation of such a Service: properties of its real servers as JSON, as spec/real-server.ts has them. */
export const REAL_SERVER = "heye.io/real-server";
/** Annotation that the controller writes: which virtual servers are this Service's, and on which directors. */
export const CLAIMS = "heye.io/virtual-servers";
/** Finalizer of such a Service: it goes when no director has anything of it any more. */
export const LOAD_BALANCER_FINALIZER = LOAD_BALANCER_CLASS;
/** Kubernetes' label of nodes that are not to get traffic from load balancers. */
export const EXCLUDED_NODE = "node.kubernetes.io/exclude-from-external-load-balancers";
