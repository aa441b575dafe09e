import * as k8s from "@pulumi/kubernetes";
import type * as pulumi from "@pulumi/pulumi";
import { secretRule } from "../../spec/kubernetes/controller";

/** Who may read the Secret of a check: a {@link HeyeController}, or the ServiceAccount that one runs as elsewhere. */
export interface SecretReader {
  /** Namespace of the ServiceAccount. */
  readonly namespace: pulumi.Input<string>;
  /** Its name. */
  readonly serviceAccountName: pulumi.Input<string>;
}

/** Lets a controller read one Secret, and nothing else of its namespace. */
export function grantSecret(
  name: string,
  grant: { namespace: pulumi.Input<string>; secret: pulumi.Output<string>; reader: SecretReader },
  options: pulumi.CustomResourceOptions,
): void {
  const { namespace, secret, reader } = grant;
  const role = new k8s.rbac.v1.Role(
    `${name}-check`,
    { metadata: { namespace }, rules: [secret.apply(secretRule)] },
    options,
  );
  new k8s.rbac.v1.RoleBinding(
    `${name}-check`,
    {
      metadata: { namespace },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name },
      subjects: [{ kind: "ServiceAccount", name: reader.serviceAccountName, namespace: reader.namespace }],
    },
    options,
  );
}
