import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import * as spec from "../../spec/kubernetes/controller";

/** Who is granted what. */
export interface ControllerGrant {
  /** Of the controller's objects. */
  readonly metadata: {
    readonly name: string;
    readonly namespace: pulumi.Input<string>;
    readonly labels: Readonly<Record<string, string>>;
  };
  /** Name of its ServiceAccount. */
  readonly account: pulumi.Input<string>;
  /** The only namespace that it looks at; undefined: all. */
  readonly watched: pulumi.Input<string> | undefined;
  readonly hasDirectors: boolean;
}

const RBAC = "rbac.authorization.k8s.io";

/**
 * Grants a controller its rights: in its own namespace, and where it serves Services; with directors also what these take.
 *
 * @returns what has to be there before its pods are of use
 */
export function grantController(
  name: string,
  { metadata, account, watched, hasDirectors }: ControllerGrant,
  options: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
  const { labels, namespace } = metadata;
  const subjects = [{ kind: "ServiceAccount", name: account, namespace }];
  const inNamespace = (suffix: string, where: Metadata, rules: spec.PolicyRule[]) => {
    const role = new k8s.rbac.v1.Role(`${name}${suffix}`, { metadata: where, rules }, options);
    const roleRef = { apiGroup: RBAC, kind: "Role", name: role.metadata.name };
    return new k8s.rbac.v1.RoleBinding(`${name}${suffix}`, { metadata: where, roleRef, subjects }, options);
  };
  // Names that belong to the whole cluster are made up, so that several controllers can stand in it.
  const everywhere = (suffix: string, rules: spec.PolicyRule[]) => {
    const role = new k8s.rbac.v1.ClusterRole(`${name}${suffix}`, { metadata: { labels }, rules }, options);
    const roleRef = { apiGroup: RBAC, kind: "ClusterRole", name: role.metadata.name };
    const made = { metadata: { labels }, roleRef, subjects };
    return new k8s.rbac.v1.ClusterRoleBinding(`${name}${suffix}`, made, options);
  };
  const own = [...spec.ownRules(), ...(hasDirectors ? spec.poolRules() : [])];
  const served = [...spec.servedRules(), ...(hasDirectors ? spec.balancedRules() : [])];
  return [
    inNamespace("", metadata, own),
    watched === undefined
      ? everywhere("", served)
      : inNamespace("-served", { labels, namespace: watched }, served),
    ...(hasDirectors ? [everywhere("-nodes", spec.nodeRules())] : []),
  ];
}

type Metadata = k8s.types.input.meta.v1.ObjectMeta;
