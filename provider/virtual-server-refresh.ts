import { virtualServerKey } from "../spec";
import type { Fleet } from "./fleet";
import type { Findings } from "./gated-resource";
import type { Observed } from "./handler";
import { type Drift, driftOf, type Sighting, sightings, unclaimedServers } from "./observe";
import { memberOf, registrationOf } from "./registration";
import { unlikeDirectors, unlikeWarning } from "./sameness";
import { inputsOf, outputsOf, type State } from "./virtual-server-state";

/** A virtual server as its directors hold it; undefined when it has gone from all of them. */
export async function refreshVirtualServer(state: State, fleet: Fleet): Promise<Observed | undefined> {
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
