import { isDeepStrictEqual } from "node:util";
import type { Member } from "../director";
import { realServerKey, virtualServerKey } from "../spec";
import type { Fleet } from "./fleet";
import type { Findings } from "./gated-resource";
import type { Observed } from "./handler";
import { observedPool, type Sighting, sightings } from "./observe";
import { inputsOf, outputsOf, type State } from "./real-server-state";
import { memberOf } from "./registration";

/** A real server as its directors hold it; undefined when it has gone from all of them. */
export async function refreshRealServer(state: State, fleet: Fleet): Promise<Observed | undefined> {
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
