import type * as pulumi from "@pulumi/pulumi";

/**
 * Options of a component's parts. Providers, aliases, transformations and protection come to them through their parent;
 * what the component has to wait for does not, and is handed on.
 */
export function partOf(
  component: pulumi.ComponentResource,
  opts: pulumi.ComponentResourceOptions | undefined,
): pulumi.CustomResourceOptions {
  return { parent: component, ...(opts?.dependsOn !== undefined && { dependsOn: opts.dependsOn }) };
}
