import {
  type Director,
  type DirectorState,
  desiredService,
  observedLimits,
  observedServer,
  type Registration,
} from "../director";
import { differences, findService, type Service, type Table, withLimits } from "../ipvs";
import { type RealServer, realServerKey } from "../spec";
import { RolloutError, withCode } from "./errors";
import { isSilent } from "./reach";

/** What one director holds of a virtual server, next to what it should hold. */
export interface Sighting {
  readonly director: string;
  readonly state: DirectorState;
  /** With thresholds. */
  readonly table: Table;
  readonly service: Service | undefined;
}

/** Differences by director's name, in sentences; directors without any are left out. */
export type Drift = Record<string, string[]>;

/** What the directors of a cluster hold of a virtual server. */
export interface Look {
  readonly seen: readonly Sighting[];
  /** Directors that could not be read, and why: an unreachable director is not an empty one. */
  readonly unreachable: Readonly<Record<string, string>>;
}

/**
 * Looks at one virtual server on every director. A warning names those that cannot be reached; what is recorded of them
 * is kept.
 *
 * @throws RolloutError when none can be read, or one cannot for another reason than that it is out of reach
 */
export async function sightings(directors: readonly Director[], key: string): Promise<Look> {
  const outcomes = await Promise.allSettled(directors.map((director) => director.inspect()));
  const [seen, causes]: [Sighting[], Error[]] = [[], []];
  const unreachable: Record<string, string> = {};
  outcomes.forEach((outcome, index) => {
    const director = directors[index];
    if (!director) return;
    if (outcome.status === "fulfilled") {
      const state = outcome.value;
      const table = wholeTable(state);
      seen.push({ director: director.name, state, table, service: findService(table, key) });
    } else if (isSilent(outcome.reason)) {
      unreachable[director.name] = withCode(outcome.reason);
    } else causes.push(outcome.reason as Error);
  });
  const silent = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
  if (causes.length > 0 || seen.length === 0)
    throw new RolloutError(silent, directors.length, "What is recorded of them was kept.");
  for (const reason of Object.values(unreachable)) {
    console.error(`warning: ${key}: what is recorded of it was kept: ${reason}`);
  }
  return { seen, unreachable };
}

/** Tables with their thresholds: all resources of a refresh look at the same few states. */
const tables = new WeakMap<DirectorState, Table>();

function wholeTable(state: DirectorState): Table {
  const known = tables.get(state) ?? withLimits(state.table, observedLimits(state));
  tables.set(state, known);
  return known;
}

/**
 * How a director's table differs from what was declared. A server still held back by its gate differs too: it takes no
 * connections although it was declared to.
 */
export function driftOf(sighting: Sighting, ownerId: string, key: string, wanted: Registration): string[] {
  const registration = sighting.state.registry.owners[ownerId]?.virtualServers[key];
  const lost =
    sighting.service && !registration ? [`virtual server ${key} is no longer registered as ours`] : [];
  const turned =
    registration && registration.pool !== wanted.pool
      ? [`the pool of virtual server ${key} is registered as ${POOLS[registration.pool]}`]
      : [];
  const desired = desiredService(wanted, sighting.service);
  return [...differences(sighting.table, [desired], new Set([key])), ...turned, ...lost];
}

/** What a run that was killed while it turned a pool leaves behind. */
const POOLS = { inline: "a list (`realServers`)", separate: "one of RealServer resources" } as const;

/** Servers that are registered there for a pool of separate resources, and of none of these. */
export function unclaimedServers({ state }: Sighting, ownerId: string, key: string): string[] {
  const members = state.registry.owners[ownerId]?.virtualServers[key]?.members ?? [];
  return members.filter(({ resource }) => resource === undefined).map(realServerKey);
}

/** The pool a director really has, in the words of the specification. */
export function observedPool({ service }: Sighting): RealServer[] {
  return (service?.destinations ?? []).map(observedServer);
}
