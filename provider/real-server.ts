import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { type Member, putMember, removeMember } from "../director";
import {
  defaultHealthCheck,
  type HealthCheck,
  healthCheck,
  memberProblems,
  parse,
  type RealServer,
  realServer,
  realServerKey,
  type VirtualServerIdentity,
  virtualServerIdentity,
  virtualServerKey,
} from "../spec";
import { actorOf, type ClusterHandle, departed, type Fleet } from "./fleet";
import { changeGated, createGated, type GatedChange } from "./gated-change";
import { type Checked, InitialisationError, type Properties, type ResourceHandler } from "./handler";
import { leave } from "./leave";
import { observedPool, sightings } from "./observe";
import { changeEverywhere } from "./rollout";
import { isUnknown } from "./unknown";

/** Inputs of a RealServer, in normal form. */
interface Inputs extends RealServer {
  readonly name: string;
  readonly cluster: ClusterHandle;
  readonly virtualServer: VirtualServerIdentity & { readonly pool: "inline" | "separate" };
  readonly healthCheck: HealthCheck;
}

interface State extends Inputs {
  readonly drift?: Record<string, string[]>;
}

const IDENTITY = ["virtualServer", "address", "port"] as const;
const SETTINGS = ["weight", "forwarding", "healthCheck", "cluster"] as const;

const schema = z.strictObject({
  ...realServer.shape,
  healthCheck: healthCheck.optional(),
  virtualServer: z.strictObject({ ...virtualServerIdentity, pool: z.enum(["inline", "separate"]) }),
});

/** The handler of RealServer: one server of a virtual server's separate pool, on every director of its cluster. */
export function realServerHandler(fleet: Fleet): ResourceHandler {
  const gated = (inputs: Inputs): GatedChange => {
    const key = virtualServerKey(inputs.virtualServer);
    const actor = actorOf(inputs.cluster);
    return {
      key,
      directors: fleet.of(inputs.cluster),
      members: [memberOf(inputs)],
      checkOf: () => inputs.healthCheck,
      change: ([member]) => putMember(actor, key, { ...memberOf(inputs), ...member, resource: inputs.name }),
    };
  };

  return {
    check,
    diff,
    async create(properties) {
      const inputs = properties as unknown as Inputs;
      const id = `${inputs.cluster.id}/${virtualServerKey(inputs.virtualServer)}/${realServerKey(inputs)}`;
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
      await leave(fleet.of(gone), removal(state));
      return outputsOf(inputs);
    },
    async delete(_id, properties) {
      const state = properties as unknown as State;
      await changeEverywhere(fleet.of(state.cluster), removal(state));
    },
  };
}

function check({ name, cluster, ...properties }: Properties): Checked {
  const { value, problems } = parse(schema, properties, isUnknown);
  const outer = value.virtualServer;
  const normal = {
    ...value,
    port: value.port ?? outer?.port,
    healthCheck: value.healthCheck ?? defaultHealthCheck(outer?.protocol),
  };
  const rules = outer && !isUnknown(outer) ? memberProblems(outer, normal as RealServer, isUnknown) : [];
  const inline = outer?.pool === "inline" ? [{ path: ["virtualServer"], reason: INLINE }] : [];
  return { inputs: { name, cluster, ...normal }, problems: [...problems, ...rules, ...inline], warnings: [] };
}

const INLINE =
  "expected a virtual server without `realServers`, found one that lists its whole pool: add the server to that list, or remove the list";

function diff(state: Properties, inputs: Properties): { changes: boolean; replaces: string[] } {
  const changed = (key: string) => !isDeepStrictEqual(state[key], inputs[key]);
  const replaces: string[] = IDENTITY.filter(changed);
  const ids = [state, inputs].map((one) => (one.cluster as Partial<ClusterHandle> | undefined)?.id);
  if (ids[0] !== ids[1] && !isUnknown(inputs.cluster)) replaces.push("cluster");
  const changes = replaces.length > 0 || SETTINGS.some(changed) || state.drift !== undefined;
  return { changes, replaces };
}

async function observe(state: State, fleet: Fleet) {
  const key = virtualServerKey(state.virtualServer);
  const member = realServerKey(state);
  const { drift: _, ...declared } = state;
  const seen = (await sightings(fleet.of(state.cluster), key)).map((sighting) => ({
    director: sighting.director,
    found: observedPool(sighting).find((one) => realServerKey(one) === member),
  }));
  if (seen.every(({ found }) => found === undefined)) return undefined;
  const differing = seen.filter(
    ({ found }) => found?.weight !== state.weight || found.forwarding !== state.forwarding,
  );
  const [first] = differing;
  if (!first) return { inputs: inputsOf(declared), outputs: outputsOf(declared) };
  const drift = Object.fromEntries(
    differing.map(({ director, found }) => [director, [describe(member, found)]]),
  );
  const inputs = {
    ...declared,
    weight: first.found?.weight ?? 0,
    forwarding: first.found?.forwarding ?? state.forwarding,
  };
  return { inputs: inputsOf(inputs), outputs: { ...outputsOf(inputs), drift } };
}

function describe(member: string, found: RealServer | undefined): string {
  if (!found) return `real server ${member} is missing`;
  return `real server ${member} has weight ${found.weight}, forwarding ${found.forwarding}`;
}

function removal(state: State) {
  const { cluster, virtualServer, name } = state;
  return removeMember(actorOf(cluster), virtualServerKey(virtualServer), realServerKey(state), name);
}

function memberOf({ name, address, port, weight, forwarding }: Inputs): Member & { resource: string } {
  return { address, port, weight, forwarding, resource: name };
}

function inputsOf({
  name,
  cluster,
  virtualServer,
  healthCheck,
  address,
  port,
  weight,
  forwarding,
}: Inputs): Properties {
  return { name, cluster, virtualServer, healthCheck, address, port, weight, forwarding };
}

function outputsOf(inputs: Inputs): Properties {
  return { ...inputsOf(inputs), schemaVersion: 1 };
}
