import {
  type Claim,
  drain,
  effectiveWeight,
  type Member,
  putVirtualServer,
  type Registration,
  removeVirtualServer,
  type Watched,
} from "../director";
import {
  type DeclaredRealServer,
  DRAIN_MS,
  IDENTITY_FIELDS,
  identityOf,
  parseVirtualServer,
  placedWarnings,
  realServerKey,
  type VirtualServer,
  virtualServerKey,
  virtualServerLint,
} from "../spec";
import { checkSourceProblems } from "./check-source";
import type { Leaving } from "./drain";
import { actorOf, type ClusterHandle, type Fleet } from "./fleet";
import { type Findings, gatedResource, type OnCluster } from "./gated-resource";
import { handleProblems } from "./handle";
import type { Checked, Properties, ResourceHandler } from "./handler";
import { type Drift, driftOf, type Sighting, sightings, unclaimedServers } from "./observe";
import { unlikeDirectors, unlikeWarning } from "./sameness";
import { isUnknown } from "./unknown";

/** Inputs of a VirtualServer, in normal form. */
export type Inputs = VirtualServer & OnCluster;

type State = Inputs & Findings & { readonly drift?: Drift };

/** Everything that a VirtualServer can be given besides its identity; a change of each is made in place. */
const SETTINGS = [
  "scheduler",
  "schedulerFlags",
  "persistence",
  "onePacket",
  "quorum",
  "sorryServer",
  "onUnhealthy",
  "failOpenPercent",
  "healthCheck",
  "realServers",
] as const;

/** The handler of VirtualServer: one virtual server on every director of a cluster, its pool inline or separate. */
export function virtualServerHandler(fleet: Fleet): ResourceHandler {
  return gatedResource<State>(fleet, {
    identity: IDENTITY_FIELDS,
    settings: SETTINGS,
    check,
    id: (inputs) => `${inputs.cluster.id}/${virtualServerKey(inputs)}`,
    outputs: outputsOf,
    gated: (inputs, over, state) => {
      const key = virtualServerKey(inputs);
      const pool = inputs.realServers ?? [];
      const checks = new Map(pool.map((one) => [realServerKey(one), one.healthCheck]));
      const manner = {
        known: state !== undefined,
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
    observe,
  });
}

function leavingOf({ realServers = [] }: Inputs): Leaving[] {
  return realServers.map((one) => ({ server: realServerKey(one), drainMs: one.drainMs ?? DRAIN_MS }));
}

function drainMsOf(state: Inputs | undefined, server: string): number {
  const known = state?.realServers?.find((one) => realServerKey(one) === server);
  return known?.drainMs ?? DRAIN_MS;
}

function check({ name, parent, cluster, ...properties }: Properties): Checked {
  const { value, problems } = parseVirtualServer(properties, isUnknown);
  const all = [...handleProblems(cluster), ...problems, ...checkSourceProblems({ cluster, ...properties })];
  const inputs = { name, parent, cluster, ...value };
  // What is wrong has to be mended first; only then it can be told what follows from the rest.
  if (all.length > 0) return { inputs, problems: all, warnings: [] };
  const warnings = [
    ...uncheckedWarnings(value),
    ...virtualServerLint(value, { directors: directorsOf(cluster), mode: modeOf(cluster) }),
  ];
  return {
    inputs,
    problems: all,
    warnings: warnings.map((text) => `VirtualServer ${name}: ${text}.`),
    hints: placedOn(cluster, value).map((text) => `${text}.`),
  };
}

function modeOf(cluster: unknown): unknown {
  return ((cluster ?? {}) as { mode?: unknown }).mode;
}

function directorsOf(cluster: unknown): number | undefined {
  const { directors } = (cluster ?? {}) as { directors?: unknown };
  return Array.isArray(directors) ? directors.length : undefined;
}

function uncheckedWarnings(value: VirtualServer): string[] {
  const pool = Array.isArray(value.realServers) ? value.realServers : undefined;
  const isOpen = (one: DeclaredRealServer) => (one.healthCheck ?? value.healthCheck)?.type === "none";
  if (pool === undefined ? value.healthCheck?.type !== "none" : !pool.some(isOpen)) return [];
  const what = value.fwmark === undefined ? value.protocol : "a firewall mark";
  const why = what === "tcp" ? "the health check is `none`" : `${what} has no handshake to check`;
  return [`servers are let in unchecked (${why}); name a healthCheck to gate them`];
}

function placedOn(cluster: unknown, value: VirtualServer): string[] {
  if (isUnknown(cluster) || cluster === undefined) return [];
  return placedWarnings(cluster as ClusterHandle, value);
}

async function observe(state: State, fleet: Fleet) {
  const key = virtualServerKey(state);
  const { seen, unreachable } = await sightings(fleet.of(state.cluster), key);
  const isGone = seen.every(({ service }) => service === undefined);
  if (isGone && Object.keys(unreachable).length === 0) return undefined;
  warnOfUnlike(key, state, seen);
  warnOfLeftovers(key, state, seen);
  const wanted = registrationOf(state, (state.realServers ?? []).map(memberOf));
  const drift: Drift = {};
  for (const sighting of seen) {
    const found = driftOf(sighting, state.cluster.id, key, wanted);
    if (found.length > 0) drift[sighting.director] = found;
  }
  const found = Object.keys(drift).length > 0 && { drift };
  const findings: Findings = {
    ...(state.gate && { gate: state.gate }),
    ...(state.behind && { behind: state.behind }),
    ...(Object.keys(unreachable).length > 0 && { unreachable }),
  };
  // All else stays as it was declared: a delete takes from the state which servers it has to drain, and for how long; and
  // a table that one director lost would look like an outage. Drift is among the inputs as well: a preview shows what of
  // them changes, and so why there is an update.
  return {
    inputs: { ...inputsOf(state), ...found },
    outputs: { ...outputsOf(state, findings), ...found },
  };
}

/** Servers that no RealServer has claimed yet. They serve, so they are no drift: an update would take them out. */
function warnOfLeftovers(key: string, state: State, seen: readonly Sighting[]): void {
  if (state.realServers) return;
  const servers = new Set(seen.flatMap((one) => unclaimedServers(one, state.cluster.id, key)));
  if (servers.size === 0) return;
  console.error(
    `warning: VirtualServer ${state.name}: ${[...servers].sort().join(", ")} still serve from the time when it listed its pool, and no RealServer has claimed them. ` +
      "Declare a RealServer for each that is to stay. The others are drained by the next change of the virtual server.",
  );
}

function warnOfUnlike(key: string, state: State, seen: readonly Sighting[]): void {
  const unlike = unlikeDirectors(key, state, seen);
  const first = seen[0]?.director;
  if (first === undefined || unlike.length === 0) return;
  console.error(
    `warning: VirtualServer ${state.name}: ${unlikeWarning(key, state.scheduler, first, unlike)}`,
  );
}

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

const INPUTS = ["name", "parent", "cluster", ...IDENTITY_FIELDS, ...SETTINGS, "adopt"] as const;

function inputsOf(inputs: Inputs): Properties {
  const all = inputs as unknown as Properties;
  return Object.fromEntries(INPUTS.flatMap((key) => (all[key] === undefined ? [] : [[key, all[key]]])));
}

function outputsOf(inputs: Inputs, { held: waiting = [], ...rest }: Findings): Properties {
  const held = new Set(waiting);
  const weights = inputs.realServers?.map((one) => {
    const server = realServerKey(one);
    return [server, effectiveWeight({ weight: one.weight, ...(held.has(server) && { held: true }) })];
  });
  return {
    ...inputsOf(inputs),
    key: virtualServerKey(inputs),
    token: inputs.token,
    ...(weights && { effectiveWeights: Object.fromEntries(weights) }),
    ...rest,
  };
}
