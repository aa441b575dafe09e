import {
  type Claim,
  type Member,
  type Registration,
  registrationOf as registrationOfDeclared,
  watchedOf,
} from "../director";
import type { OnCluster } from "./gated-resource";
import type { Inputs } from "./virtual-server-state";

export { memberOf } from "../director";

/** What is registered of a declared virtual server. */
export function registrationOf(inputs: Inputs, members: readonly Member[]): Registration {
  const watched = isWatched(inputs) ? watchedOf(inputs, inputs.cluster.driftPolicy) : undefined;
  return registrationOfDeclared(inputs, claimOf(inputs), members, watched);
}

/** How long servers may drain, where an agent is there to see to it. */
export function watchedDrain(
  on: OnCluster,
  drainMs: (server: string) => number,
): ((server: string) => number) | undefined {
  return isWatched(on) ? drainMs : undefined;
}

/** Whether an agent watches the servers: it goes by what is registered, and without one nobody needs to know the checks. */
export function isWatched({ cluster }: OnCluster): boolean {
  return cluster.mode === "agent";
}

/** What a resource knows itself by on directors. */
export function claimOf({ name, token, parent }: OnCluster): Claim & { resource: string } {
  return {
    resource: name,
    ...(token !== undefined && { token }),
    ...(parent !== undefined && { parent }),
  };
}
