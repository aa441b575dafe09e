import type { Claim, Member, Registration, Watched } from "../director";
import { type DeclaredRealServer, identityOf } from "../spec";
import type { OnCluster } from "./gated-resource";
import type { Inputs } from "./virtual-server-state";

/** What is registered of a declared virtual server. */
export function registrationOf(inputs: Inputs, members: readonly Member[]): Registration {
  const { scheduler, schedulerFlags, persistence, onePacket } = inputs;
  return {
    ...identityOf(inputs),
    ...claimOf(inputs),
    scheduler,
    ...(schedulerFlags && { schedulerFlags }),
    ...(persistence && { persistence }),
    ...(onePacket && { onePacket }),
    ...(isWatched(inputs) && watchedOf(inputs)),
    pool: inputs.realServers ? "inline" : "separate",
    members,
  };
}

/** What an agent goes by. */
function watchedOf({
  cluster,
  healthCheck,
  quorum,
  sorryServer,
  onUnhealthy,
  failOpenPercent,
}: Inputs): Watched {
  return {
    healthCheck,
    ...(quorum && { quorum }),
    ...(sorryServer && { sorryServer }),
    ...(onUnhealthy && { onUnhealthy }),
    ...(failOpenPercent && { failOpenPercent }),
    ...(cluster.driftPolicy === "report" && { driftPolicy: "report" }),
  };
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

/** What of a declared server is registered: all that the kernel is to hold. */
export function memberOf(server: DeclaredRealServer): Member {
  const { address, port, weight, forwarding, tunnel, upperThreshold, lowerThreshold } = server;
  return {
    address,
    port,
    weight,
    forwarding,
    ...(tunnel && { tunnel }),
    ...(upperThreshold && { upperThreshold }),
    ...(lowerThreshold && { lowerThreshold }),
  };
}

/** What a resource knows itself by on directors. */
export function claimOf({ name, token, parent }: OnCluster): Claim & { resource: string } {
  return {
    resource: name,
    ...(token !== undefined && { token }),
    ...(parent !== undefined && { parent }),
  };
}
