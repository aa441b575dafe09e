import * as pulumi from "@pulumi/pulumi";

const STACK = "pulumi:pulumi:Stack";

/**
 * The type of the component that a resource is part of; undefined where it is part of none. Pulumi allows one name twice
 * under parents of different types, so directors are told. A plain text, and no output of the parent: a resource that
 * depended on its component would wait for all of the component's other resources, and they for it.
 */
export function parentType(opts: pulumi.CustomResourceOptions | undefined): string | undefined {
  const type = opts?.parent && pulumi.resourceType(opts.parent);
  return type === STACK ? undefined : type;
}
