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
import { actorOf, type Fleet } from "./fleet";
import { gatedResource, type OnCluster } from "./gated-resource";
import type { Checked, Properties, ResourceHandler } from "./handler";
import { observedPool, sightings } from "./observe";
import { isUnknown } from "./unknown";

/** Inputs of a RealServer, in normal form. */
interface Inputs extends RealServer, OnCluster {
  readonly virtualServer: VirtualServerIdentity & { readonly pool: "inline" | "separate" };
  readonly healthCheck: HealthCheck;
}

interface State extends Inputs {
  readonly drift?: Record<string, string[]>;
}

const schema = z.strictObject({
  ...realServer.shape,
  healthCheck: healthCheck.optional(),
  virtualServer: z.strictObject({ ...virtualServerIdentity, pool: z.enum(["inline", "separate"]) }),
});

/** The handler of RealServer: one server of a virtual server's separate pool, on every director of its cluster. */
export function realServerHandler(fleet: Fleet): ResourceHandler {
  return gatedResource<State>(fleet, {
    identity: ["virtualServer", "address", "port"],
    settings: ["weight", "forwarding", "healthCheck"],
    check,
    id: (inputs) => `${inputs.cluster.id}/${virtualServerKey(inputs.virtualServer)}/${realServerKey(inputs)}`,
    outputs: outputsOf,
    gated: (inputs, over, known) => {
      const key = virtualServerKey(inputs.virtualServer);
      const declared = memberOf(inputs);
      return {
        key,
        directors: over.of(inputs.cluster),
        members: [declared],
        checkOf: () => inputs.healthCheck,
        change: ([member]) =>
          putMember(
            actorOf(inputs.cluster),
            key,
            { ...declared, ...member, resource: inputs.name },
            { known },
          ),
      };
    },
    removal: (state) =>
      removeMember(
        actorOf(state.cluster),
        virtualServerKey(state.virtualServer),
        realServerKey(state),
        memberOf(state),
      ),
    observe,
  });
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
  return {
    inputs: { name, cluster, ...normal },
    problems: [...problems, ...rules, ...inline],
    warnings: warningsOf(name, normal.healthCheck),
  };
}

function warningsOf(name: unknown, check: HealthCheck | undefined): string[] {
  if (check?.type !== "none") return [];
  return [`RealServer ${name}: it is let in unchecked; name a healthCheck to gate it.`];
}

const INLINE =
  "expected a virtual server without `realServers`, found one that lists its whole pool: add the server to that list, or remove the list";

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

function memberOf({ name, token, address, port, weight, forwarding }: Inputs): Member & { resource: string } {
  return { address, port, weight, forwarding, resource: name, ...(token !== undefined && { token }) };
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
  return { ...inputsOf(inputs), token: inputs.token };
}
