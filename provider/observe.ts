import {
  type Director,
  type DirectorState,
  desiredService,
  observedServer,
  type Registration,
  UnreachableError,
} from "../director";
import { differences, findService, readServiceExtra, type Service, type Table, withLimits } from "../ipvs";
import {
  ADDRESS_BITS,
  familyOfIdentity,
  type Persistence,
  type RealServer,
  realServerKey,
  type Scheduler,
  type SchedulerFlag,
  type ServiceSettings,
  type VirtualServerIdentity,
} from "../spec";
import { RolloutError, withCode } from "./errors";

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
      const table = withLimits(state.table, state.limits ?? new Map());
      seen.push({ director: director.name, state, table, service: findService(table, key) });
    } else if (outcome.reason instanceof UnreachableError) {
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

/**
 * How a director's table differs from what was declared. A server still held back by its gate differs too: it takes no
 * connections although it was declared to.
 */
export function driftOf(sighting: Sighting, ownerId: string, key: string, wanted: Registration): string[] {
  const registration = sighting.state.registry.owners[ownerId]?.virtualServers[key];
  const registered = registration?.members ?? [];
  const unclaimed =
    wanted.pool === "separate" ? registered.filter(({ resource }) => resource === undefined) : [];
  const leftovers = unclaimed.map(
    (one) => `real server ${realServerKey(one)} is left over from an inline pool`,
  );
  const lost =
    sighting.service && !registration ? [`virtual server ${key} is no longer registered as ours`] : [];
  const desired = desiredService(wanted, sighting.service);
  return [...differences(sighting.table, [desired], new Set([key])), ...leftovers, ...lost];
}

/** The pool a director really has, in the words of the specification. */
export function observedPool({ service }: Sighting): RealServer[] {
  return (service?.destinations ?? []).map(observedServer);
}

/** How a director really treats the connections of a virtual server, in the words of the specification. */
export function observedSettings(
  { service }: Sighting,
  identity: VirtualServerIdentity,
): ServiceSettings | undefined {
  if (!service) return undefined;
  const bits = ADDRESS_BITS[familyOfIdentity(identity)];
  const { persistence, onePacket, flags } = readServiceExtra(service.extra, bits);
  return {
    scheduler: service.scheduler as Scheduler,
    schedulerFlags: flags as SchedulerFlag[] | undefined,
    persistence: persistence as Persistence | undefined,
    onePacket: onePacket ? true : undefined,
  };
}
