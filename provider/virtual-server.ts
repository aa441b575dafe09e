import { type Member, putVirtualServer, type Registration, removeVirtualServer } from "../director";
import {
  parseVirtualServer,
  type Scheduler,
  sortPool,
  type VirtualServer,
  type VirtualServerIdentity,
  virtualServerKey,
} from "../spec";
import { actorOf, type Fleet } from "./fleet";
import { gatedResource, type OnCluster } from "./gated-resource";
import type { Checked, Properties, ResourceHandler } from "./handler";
import { type Drift, driftOf, observedPool, sightings } from "./observe";
import { isUnknown } from "./unknown";

/** Inputs of a VirtualServer, in normal form. */
interface Inputs extends VirtualServer, OnCluster {}

interface State extends Inputs {
  readonly drift?: Drift;
}

/** The handler of VirtualServer: one virtual server on every director of a cluster, its pool inline or separate. */
export function virtualServerHandler(fleet: Fleet): ResourceHandler {
  return gatedResource<State>(fleet, {
    identity: ["protocol", "address", "port"],
    settings: ["scheduler", "healthCheck", "realServers"],
    check,
    id: (inputs) => `${inputs.cluster.id}/${virtualServerKey(inputs)}`,
    outputs: outputsOf,
    gated: (inputs, over, known) => {
      const key = virtualServerKey(inputs);
      return {
        key,
        directors: over.of(inputs.cluster),
        members: inputs.realServers ?? [],
        checkOf: () => inputs.healthCheck,
        change: (members) =>
          putVirtualServer(actorOf(inputs.cluster), key, registrationOf(inputs, members), { known }),
      };
    },
    removal: (state) => removeVirtualServer(actorOf(state.cluster), virtualServerKey(state), claimOf(state)),
    observe,
  });
}

function check({ name, cluster, ...properties }: Properties): Checked {
  const { value, problems } = parseVirtualServer(properties, isUnknown);
  const missing =
    cluster === undefined ? [{ path: ["cluster"], reason: "expected a Cluster, found nothing" }] : [];
  return {
    inputs: { name, cluster, ...value },
    problems: [...missing, ...problems],
    warnings: warningsOf(name, value),
  };
}

function warningsOf(name: unknown, value: VirtualServer): string[] {
  if (value.healthCheck?.type !== "none" || value.realServers?.length === 0) return [];
  const why = value.protocol === "udp" ? "udp has no handshake to check" : "its health check is `none`";
  return [`VirtualServer ${name}: servers are let in unchecked (${why}); name a healthCheck to gate them.`];
}

async function observe(state: State, fleet: Fleet) {
  const key = virtualServerKey(state);
  const seen = await sightings(fleet.of(state.cluster), key);
  if (seen.every(({ service }) => service === undefined)) return undefined;
  const wanted = registrationOf(state, state.realServers ?? []);
  const drift: Drift = {};
  for (const sighting of seen) {
    const found = driftOf(sighting, state.cluster.id, key, wanted);
    if (found.length > 0) drift[sighting.director] = found;
  }
  const first = seen.find(({ director }) => Object.hasOwn(drift, director));
  const { drift: _, ...declared } = state;
  if (!first) return { inputs: inputsOf(declared), outputs: outputsOf(declared) };
  const inputs: Inputs = {
    ...declared,
    scheduler: (first.service?.scheduler as Scheduler | undefined) ?? declared.scheduler,
    ...(declared.realServers && { realServers: sortPool(observedPool(first)) }),
  };
  return { inputs: inputsOf(inputs), outputs: { ...outputsOf(inputs), drift } };
}

function registrationOf(inputs: Inputs, members: readonly Member[]): Registration {
  const { protocol, address, port }: VirtualServerIdentity = inputs;
  const pool = inputs.realServers ? "inline" : "separate";
  return { protocol, address, port, ...claimOf(inputs), scheduler: inputs.scheduler, pool, members };
}

function claimOf({ name, token }: Inputs): { resource: string; token?: string } {
  return { resource: name, ...(token !== undefined && { token }) };
}

function inputsOf({
  name,
  cluster,
  protocol,
  address,
  port,
  scheduler,
  healthCheck,
  realServers,
}: Inputs): Properties {
  return { name, cluster, protocol, address, port, scheduler, healthCheck, realServers };
}

function outputsOf(inputs: Inputs): Properties {
  return { ...inputsOf(inputs), key: virtualServerKey(inputs), token: inputs.token };
}
