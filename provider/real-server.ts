import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { drain, effectiveWeight, type Member, putMember, removeMember } from "../director";
import {
  checkPortProblems,
  type DeclaredRealServer,
  DRAIN_MS,
  defaultHealthCheck,
  type HealthCheck,
  IDENTITY_FIELDS,
  identityProblems,
  memberProblems,
  normalMember,
  type Problem,
  parse,
  placedMemberWarnings,
  realServer,
  realServerKey,
  type VirtualServerIdentity,
  virtualServerIdentity,
  virtualServerKey,
  withIdentityDefaults,
} from "../spec";
import { checkSourceProblems } from "./check-source";
import { actorOf, type ClusterHandle, type Fleet } from "./fleet";
import { type Findings, gatedResource, type OnCluster } from "./gated-resource";
import { handleProblems } from "./handle";
import type { Checked, Properties, ResourceHandler } from "./handler";
import { observedPool, type Sighting, sightings } from "./observe";
import { isUnknown } from "./unknown";
import { claimOf, isWatched, memberOf, watchedDrain } from "./virtual-server";

/** Inputs of a RealServer, in normal form. */
interface Inputs extends DeclaredRealServer, OnCluster {
  readonly virtualServer: VirtualServerIdentity & Pool;
  readonly healthCheck: HealthCheck;
  readonly adopt?: true | undefined;
}

interface Pool {
  readonly pool: "inline" | "separate";
}

interface State extends Inputs, Findings {
  readonly drift?: Record<string, string[]>;
}

const SETTINGS = [
  "weight",
  "forwarding",
  "tunnel",
  "upperThreshold",
  "lowerThreshold",
  "drainMs",
  "healthCheck",
] as const;

const schema = z.strictObject({
  ...realServer.shape,
  adopt: z.boolean({ error: "expected true or false" }).default(false),
  virtualServer: z.strictObject({
    ...virtualServerIdentity,
    pool: z.enum(["inline", "separate"]),
  }),
});

/** The handler of RealServer: one server of a virtual server's separate pool, on every director of its cluster. */
export function realServerHandler(fleet: Fleet): ResourceHandler {
  return gatedResource<State>(fleet, {
    identity: ["virtualServer", "address", "port"],
    settings: SETTINGS,
    check,
    id: (inputs) => `${inputs.cluster.id}/${virtualServerKey(inputs.virtualServer)}/${realServerKey(inputs)}`,
    outputs: outputsOf,
    gated: (inputs, over, state) => {
      const [actor, key] = [actorOf(inputs.cluster), virtualServerKey(inputs.virtualServer)];
      const declared = registeredAs(inputs);
      const manner = { known: state !== undefined, adopts: inputs.adopt === true };
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
    observe,
  });
}

function check({ name, parent, cluster, ...properties }: Properties): Checked {
  const { value, problems } = parse(schema, properties, isUnknown);
  const { virtualServer, adopt, ...server } = value;
  const outer = outerOf(virtualServer);
  const normal = {
    ...normalMember(server, outer?.fwmark === undefined ? outer?.port : 0),
    healthCheck: value.healthCheck ?? defaultHealthCheck(outer ?? {}),
    ...((adopt as unknown) !== false && { adopt }),
  } as DeclaredRealServer;
  const rules = outer
    ? [
        ...memberProblems(outer, normal, isUnknown),
        ...checkPortProblems(outer, normal.healthCheck, isUnknown),
      ]
    : [];
  const place = outer ? placeProblems(outer) : [];
  const inline = outer?.pool === "inline" ? [{ path: ["virtualServer"], reason: INLINE }] : [];
  const said = new Set(problems.map(({ path }) => path.join(".")));
  // What is wrong by itself needs no second word about what it is wrong with.
  const others = [...place, ...rules, ...inline].filter(({ path }) => !said.has(path.join(".")));
  const unobeyed = checkSourceProblems({ cluster, ...properties });
  const all = [...handleProblems(cluster), ...problems, ...others, ...unobeyed];
  return {
    inputs: { name, parent, cluster, ...normal, virtualServer: outer ?? virtualServer },
    problems: all,
    // What is wrong has to be mended first; only then it can be told what follows from the rest.
    warnings: all.length > 0 ? [] : warningsOf(name, normal.healthCheck),
    hints: all.length > 0 ? [] : placedOn(cluster, normal).map((text) => `${text}.`),
  };
}

/** A virtual server that says what it is; while a part of that is not known yet, which of both it is may not be either. */
function placeProblems(outer: VirtualServerIdentity): Problem[] {
  if (IDENTITY_FIELDS.some((key) => isUnknown(outer[key]))) return [];
  return identityProblems(outer, isUnknown).map(({ path, reason }) => ({
    path: ["virtualServer", ...path],
    reason,
  }));
}

/** The virtual server it is for, as far as it is known. Its own inputs have been checked by its own resource. */
function outerOf(given: unknown): (VirtualServerIdentity & Pool) | undefined {
  if (typeof given !== "object" || given === null || isUnknown(given)) return undefined;
  return withIdentityDefaults(meantBy(given as Outer));
}

type Outer = Parameters<typeof withIdentityDefaults>[0] & Pool;

/** In a preview an output that is not there looks like one that is not known yet: it is not when the other kind is. */
function meantBy(given: Outer): Outer {
  const isKnown = (key: keyof Outer): boolean => given[key] !== undefined && !isUnknown(given[key]);
  const [byAddress, byMark] = [["protocol", "address", "port"] as const, ["fwmark", "family"] as const];
  const absent: readonly string[] = byAddress.some(isKnown) ? byMark : byMark.some(isKnown) ? byAddress : [];
  const meant = Object.entries(given).filter(([key, value]) => !(absent.includes(key) && isUnknown(value)));
  return Object.fromEntries(meant) as Outer;
}

function warningsOf(name: unknown, check: HealthCheck | undefined): string[] {
  if (check?.type !== "none") return [];
  return [`RealServer ${name}: it is let in unchecked; name a healthCheck to gate it.`];
}

function placedOn(cluster: unknown, value: DeclaredRealServer): string[] {
  if (isUnknown(cluster) || cluster === undefined) return [];
  return placedMemberWarnings(cluster as ClusterHandle, value);
}

const INLINE =
  "expected a virtual server without `realServers`, found one that lists its whole pool: add the server to that list, or remove the list";

async function observe(state: State, fleet: Fleet) {
  const key = virtualServerKey(state.virtualServer);
  const server = realServerKey(state);
  const { seen, unreachable } = await sightings(fleet.of(state.cluster), key);
  const found = seen.map((sighting) => ({
    director: sighting.director,
    found: observedPool(sighting).find((one) => realServerKey(one) === server),
    lost: lostClaim(sighting, state.cluster.id, key, server),
  }));
  const isSilent = Object.keys(unreachable).length > 0;
  if (!isSilent && found.every((one) => one.found === undefined)) return undefined;
  const declared = memberOf(state);
  const differing = found.filter((one) => one.lost || !isDeepStrictEqual(one.found, declared));
  const findings: Findings = {
    ...(state.gate && { gate: state.gate }),
    ...(state.behind && { behind: state.behind }),
    ...(isSilent && { unreachable }),
  };
  const drift = Object.fromEntries(
    differing.map((one) => [one.director, describe(server, one.found, declared, one.lost)]),
  );
  // As with a virtual server: all else stays as it was declared.
  const drifted = differing.length > 0 && { drift };
  return {
    inputs: { ...inputsOf(state), ...drifted },
    outputs: { ...outputsOf(state, findings), ...drifted },
  };
}

/** Why a director does not know the server as a RealServer's, if so. */
function lostClaim({ state }: Sighting, ownerId: string, key: string, server: string): string | undefined {
  const members = state.registry.owners[ownerId]?.virtualServers[key]?.members ?? [];
  const found = members.find((one) => realServerKey(one) === server);
  if (!found) return `real server ${server} is no longer registered as ours`;
  return found.resource === undefined ? `real server ${server} is registered as of no RealServer` : undefined;
}

function describe(server: string, found: Member | undefined, declared: Member, claim?: string): string[] {
  if (!found) return [`real server ${server} is missing`];
  const lost = claim === undefined ? [] : [claim];
  if (isDeepStrictEqual(found, declared)) return lost;
  const { address: _, port: __, tunnel, ...rest } = found;
  const settings = { ...rest, ...(tunnel && { tunnel: tunnel.type }) };
  const words = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  return [`real server ${server} has ${words.join(", ")}`, ...lost];
}

function registeredAs(inputs: Inputs): Member & { resource: string } {
  const { healthCheck } = inputs;
  return { ...memberOf(inputs), ...(isWatched(inputs) && { healthCheck }), ...claimOf(inputs) };
}

const INPUTS = [
  "name",
  "parent",
  "cluster",
  "virtualServer",
  "address",
  "port",
  ...SETTINGS,
  "adopt",
] as const;

function inputsOf(inputs: Inputs): Properties {
  const all = inputs as unknown as Properties;
  return Object.fromEntries(INPUTS.flatMap((key) => (all[key] === undefined ? [] : [[key, all[key]]])));
}

function outputsOf(inputs: Inputs, { held, ...findings }: Findings): Properties {
  const weight = effectiveWeight({ weight: inputs.weight, ...(held && { held: true }) });
  return { ...inputsOf(inputs), token: inputs.token, effectiveWeight: weight, ...findings };
}
