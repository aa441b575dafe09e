import type { ResourceKind } from "../provider";

/** Pulumi's type tokens of our resources; `pulumi-nodejs` is the plugin that runs dynamic providers. */
export function typeToken(kind: ResourceKind): string {
  return `pulumi-nodejs:dynamic/heye:${kind}`;
}

/**
 * The text that leads Pulumi's provider process back to the installed package. It is all of our code that a state
 * file ever holds, it is the same on every machine, and it never changes: resources whose program is long gone are
 * destroyed by the package that is installed then.
 */
export function providerStub(kind: ResourceKind): string {
  return `exports.handler=()=>require("pulumi-heye/provider").provider("${kind}")`;
}
