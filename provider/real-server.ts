import { drain, type Member, putMember, removeMember } from "../director";
import { DRAIN_MS, realServerKey, virtualServerKey } from "../spec";
import { actorOf, type Fleet } from "./fleet";
import { gatedResource, strangeOn } from "./gated-resource";
import type { ResourceHandler } from "./handler";
import { checkRealServer } from "./real-server-check";
import { refreshRealServer } from "./real-server-refresh";
import { type Inputs, outputsOf, SETTINGS, type State } from "./real-server-state";
import { claimOf, isWatched, memberOf, watchedDrain } from "./registration";

/** The handler of RealServer: one server of a virtual server's separate pool, on every director of its cluster. */
export function realServerHandler(fleet: Fleet): ResourceHandler {
  return gatedResource<State>(fleet, {
    identity: ["virtualServer", "address", "port"],
    settings: SETTINGS,
    check: checkRealServer,
    id: (inputs) => `${inputs.cluster.id}/${virtualServerKey(inputs.virtualServer)}/${realServerKey(inputs)}`,
    outputs: outputsOf,
    gated: (inputs, over, state) => {
      const [actor, key] = [actorOf(inputs.cluster), virtualServerKey(inputs.virtualServer)];
      const declared = registeredAs(inputs);
      const manner = {
        known: state !== undefined,
        strangeOn: strangeOn(inputs, state),
        adopts: inputs.adopt === true,
      };
      return {
        key,
        service: inputs.virtualServer,
        directors: over.of(inputs.cluster),
        policy: inputs.cluster,
        members: [declared],
        adopts: inputs.adopt === true,
        checkOf: () => inputs.healthCheck,
        drainMsOf: () => 0,
        change: ([member]) => putMember(actor, key, { ...declared, ...member }, manner),
      };
    },
    removal: (state) => {
      const [actor, key] = [actorOf(state.cluster), virtualServerKey(state.virtualServer)];
      const [server, claim] = [realServerKey(state), registeredAs(state)];
      return {
        owner: actor.id,
        key,
        drain: drain(
          actor,
          key,
          claim,
          server,
          watchedDrain(state, () => state.drainMs ?? DRAIN_MS),
        ),
        remove: removeMember(actor, key, server, claim),
        leaving: [{ server, drainMs: state.drainMs ?? DRAIN_MS }],
      };
    },
    observe: refreshRealServer,
  });
}

function registeredAs(inputs: Inputs): Member & { resource: string } {
  const { healthCheck } = inputs;
  return { ...memberOf(inputs), ...(isWatched(inputs) && { healthCheck }), ...claimOf(inputs) };
}
