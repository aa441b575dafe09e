import { isDeepStrictEqual } from "node:util";
import { type Member, putVirtualServer, type Registration, removeVirtualServer } from "../director";
import {
  parseVirtualServer,
  type Scheduler,
  sortPool,
  type VirtualServer,
  type VirtualServerIdentity,
  virtualServerKey,
} from "../spec";
import { actorOf, type ClusterHandle, departed, type Fleet } from "./fleet";
import { changeGated, createGated, type GatedChange } from "./gated-change";
import { type Checked, InitialisationError, type Properties, type ResourceHandler } from "./handler";
import { leave } from "./leave";
import { type Drift, driftOf, observedPool, sightings } from "./observe";
import { changeEverywhere } from "./rollout";
import { isUnknown } from "./unknown";

/** Inputs of a VirtualServer, in normal form. */
interface Inputs extends VirtualServer {
  readonly name: string;
  readonly cluster: ClusterHandle;
}

interface State extends Inputs {
  readonly drift?: Drift;
}

const IDENTITY = ["protocol", "address", "port"] as const;
const SETTINGS = ["scheduler", "healthCheck", "realServers", "cluster"] as const;

/** The handler of VirtualServer: one virtual server on every director of a cluster, its pool inline or separate. */
export function virtualServerHandler(fleet: Fleet): ResourceHandler {
  const gated = (inputs: Inputs): GatedChange => {
    const key = virtualServerKey(inputs);
    const actor = actorOf(inputs.cluster);
    return {
      key,
      directors: fleet.of(inputs.cluster),
      members: inputs.realServers ?? [],
      checkOf: () => inputs.healthCheck,
      change: (members) => putVirtualServer(actor, key, registrationOf(inputs, members)),
    };
  };

  return {
    check,
    diff,
    async create(properties) {
      const inputs = properties as unknown as Inputs;
      const id = `${inputs.cluster.id}/${virtualServerKey(inputs)}`;
      const outputs = outputsOf(inputs);
      const failure = await createGated(gated(inputs));
      if (failure) throw new InitialisationError(id, outputs, failure);
      return { id, outputs };
    },
    async read(_id, properties) {
      return observe(properties as unknown as State, fleet);
    },
    async update(_id, properties, news) {
      const [state, inputs] = [properties as unknown as State, news as unknown as Inputs];
      await changeGated(gated(inputs));
      const gone = departed(state.cluster, inputs.cluster);
      const key = virtualServerKey(state);
      await leave(fleet.of(gone), removeVirtualServer(actorOf(gone), key, state.name));
      return outputsOf(inputs);
    },
    async delete(_id, properties) {
      const state = properties as unknown as State;
      const actor = actorOf(state.cluster);
      const change = removeVirtualServer(actor, virtualServerKey(state), state.name);
      await changeEverywhere(fleet.of(state.cluster), change);
    },
  };
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

function diff(state: Properties, inputs: Properties): { changes: boolean; replaces: string[] } {
  const changed = (key: string) => !isDeepStrictEqual(state[key], inputs[key]);
  const replaces: string[] = IDENTITY.filter(changed);
  if (clusterId(state) !== clusterId(inputs) && !isUnknown(inputs.cluster)) replaces.push("cluster");
  const changes = replaces.length > 0 || SETTINGS.some(changed) || state.drift !== undefined;
  return { changes, replaces };
}

function clusterId(properties: Properties): string | undefined {
  return (properties.cluster as Partial<ClusterHandle> | undefined)?.id;
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
  const first = seen.find(({ director }) => director in drift);
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
  return { protocol, address, port, resource: inputs.name, scheduler: inputs.scheduler, pool, members };
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
  return { ...inputsOf(inputs), key: virtualServerKey(inputs), schemaVersion: 1 };
}
