import { drain, putVirtualServer, removeVirtualServer } from "../director";
import { DRAIN_MS, IDENTITY_FIELDS, realServerKey, virtualServerKey } from "../spec";
import type { Leaving } from "./drain";
import { actorOf, type Fleet } from "./fleet";
import { gatedResource, strangeOn } from "./gated-resource";
import type { ResourceHandler } from "./handler";
import { claimOf, isWatched, memberOf, registrationOf, watchedDrain } from "./registration";
import { checkVirtualServer } from "./virtual-server-check";
import { refreshVirtualServer } from "./virtual-server-refresh";
import { type Inputs, outputsOf, SETTINGS, type State } from "./virtual-server-state";

/** The handler of VirtualServer: one virtual server on every director of a cluster, its pool inline or separate. */
export function virtualServerHandler(fleet: Fleet): ResourceHandler {
  return gatedResource<State>(fleet, {
    identity: IDENTITY_FIELDS,
    settings: SETTINGS,
    check: checkVirtualServer,
    id: (inputs) => `${inputs.cluster.id}/${virtualServerKey(inputs)}`,
    outputs: outputsOf,
    gated: (inputs, over, state) => {
      const key = virtualServerKey(inputs);
      const pool = inputs.realServers ?? [];
      const checks = new Map(pool.map((one) => [realServerKey(one), one.healthCheck]));
      const manner = {
        known: state !== undefined,
        strangeOn: strangeOn(inputs, state),
        adopts: inputs.adopt === true,
        // A run that was killed may have turned the pool already, and the state does not know.
        unclaimed: state === undefined || state.realServers ? "stay" : "go",
        ...(isWatched(inputs) && { drainMsOf: (server: string) => drainMsOf(state, server) }),
      } as const;
      return {
        key,
        service: inputs,
        directors: over.of(inputs.cluster),
        policy: inputs.cluster,
        members: pool.map((one) => ({
          ...memberOf(one),
          ...(isWatched(inputs) && one.healthCheck && { healthCheck: one.healthCheck }),
        })),
        adopts: inputs.adopt === true,
        checkOf: (member) => checks.get(realServerKey(member)) ?? inputs.healthCheck,
        checkOfOthers: inputs.realServers ? undefined : inputs.healthCheck,
        drainMsOf: (server) => drainMsOf(state, server),
        change: (members, leaving) => {
          const wanted = registrationOf(inputs, members);
          return putVirtualServer(actorOf(inputs.cluster), key, wanted, { ...manner, leaving });
        },
      };
    },
    removal: (state) => {
      const [actor, key] = [actorOf(state.cluster), virtualServerKey(state)];
      return {
        owner: actor.id,
        key,
        drain: drain(
          actor,
          key,
          claimOf(state),
          undefined,
          watchedDrain(state, (one) => drainMsOf(state, one)),
        ),
        remove: removeVirtualServer(actor, key, claimOf(state)),
        leaving: leavingOf(state),
      };
    },
    observe: refreshVirtualServer,
  });
}

function leavingOf({ realServers = [] }: Inputs): Leaving[] {
  return realServers.map((one) => ({ server: realServerKey(one), drainMs: one.drainMs ?? DRAIN_MS }));
}

function drainMsOf(state: Inputs | undefined, server: string): number {
  const known = state?.realServers?.find((one) => realServerKey(one) === server);
  return known?.drainMs ?? DRAIN_MS;
}
