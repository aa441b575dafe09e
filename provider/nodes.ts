import {
  type Actor,
  type Capabilities,
  ConnectionLostError,
  type Director,
  settingsDrift,
  steadySkewMs,
  UnreachableError,
} from "../director";
import { agentDrift, type WantedAgent } from "./agents";
import { RolloutError } from "./errors";
import { type Declared, type Survey, sight } from "./settlement";
import { unsharedWarnings } from "./unshared";

/** What was found on a director: an output of its Cluster. */
export type Node = Pick<
  Capabilities,
  "kernel" | "ipvsadm" | "architecture" | "distribution" | "schedulers" | "clockSkewMs"
>;

/** The outputs about directors, by name; of one that was left out, what was known before. */
export function nodesOf(
  { seen, behind = {} }: Pick<Survey, "seen"> & Partial<Survey>,
  before: Readonly<Record<string, Node>> | undefined,
): Record<string, Node> {
  const kept = Object.keys(behind).flatMap((name) => (before?.[name] ? [[name, before[name]]] : []));
  const found = Object.fromEntries(
    seen.map(({ director, capabilities }) => {
      const { kernel, ipvsadm, architecture, distribution, schedulers } = capabilities;
      const clockSkewMs = steadySkewMs(capabilities, before?.[director.name]?.clockSkewMs);
      return [director.name, { kernel, ipvsadm, architecture, distribution, schedulers, clockSkewMs }];
    }),
  );
  return { ...Object.fromEntries(kept), ...found };
}

/** What a refresh finds on directors. */
export interface Observation {
  /** Of one that cannot be reached: what was known before. */
  readonly nodes: Record<string, Node>;
  /** What differs from the declared settings, by director. */
  readonly drift: Record<string, string[]>;
  /** Why directors could not be reached, one text each. */
  readonly unreached: readonly string[];
  /** Which directors hold entries of the cluster that others lack, one text each. */
  readonly unshared: readonly string[];
}

/**
 * Looks at all directors. One that cannot be reached is no reason to forget what is known of it, and hides nothing of
 * the others.
 *
 * @param agentOf the agent that is wanted there
 * @throws RolloutError when one answers, but not as it should
 */
export async function observeNodes(
  directors: readonly Director[],
  state: Declared & { readonly nodes?: Readonly<Record<string, Node>> },
  actor: Actor,
  agentOf: (director: Director) => WantedAgent | undefined,
): Promise<Observation> {
  // A refresh installs nothing.
  const outcomes = await Promise.allSettled(directors.map((one) => sight(one, state)));
  const causes = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
  const unreached = causes.filter(
    (cause) => cause instanceof UnreachableError || cause instanceof ConnectionLostError,
  );
  if (unreached.length < causes.length)
    throw new RolloutError(causes, directors.length, "The state is kept as it was.");
  const seen = outcomes.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const drifts = await Promise.all(
    seen.map(async ({ director, state: found, wish, capabilities }): Promise<[string, string[]]> => {
      const agent = await agentDrift(director, agentOf(director), capabilities.hasAgent);
      return [director.name, [...settingsDrift(found, actor, wish), ...(agent ? [agent] : [])]];
    }),
  );
  return {
    nodes: { ...state.nodes, ...nodesOf({ seen }, state.nodes) },
    drift: Object.fromEntries(drifts.filter(([, found]) => found.length > 0)),
    unreached: unreached.map(({ message }) => message),
    unshared: unsharedWarnings(
      seen.map(({ director, registry }) => ({
        director: director.name,
        virtualServers: registry.owners[actor.id]?.virtualServers ?? {},
      })),
    ),
  };
}
