import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { isRecord } from "../spec";
import { RolloutError } from "./errors";
import { type ClusterHandle, departed, type Fleet, joined } from "./fleet";
import type { Seen } from "./gate";
import { changeGated, createGated, type Outcome } from "./gated-change";
import {
  type Checked,
  type Difference,
  InitialisationError,
  type Observed,
  type Properties,
  type ResourceHandler,
} from "./handler";
import { leave, type Removal, removeDrained } from "./leave";
import type { Behind } from "./reach";
import type { GatedChange } from "./steps";
import { isUnknown } from "./unknown";
import { warnOnce } from "./warn";

/** What every resource on a cluster has. */
export interface OnCluster {
  readonly name: string;
  /** Type of the component that it is part of; absent: none. Like the name, it says who a resource is, and is no change. */
  readonly parent?: string;
  readonly cluster: ClusterHandle;
  /** Which resource of that name; in the state, not among the inputs. See `Registration` in director/. */
  readonly token?: string;
}

/** What the directors and servers said of a resource when it was last changed. */
export interface Findings {
  /** Directors that do not hold it, and why; absent when all do. The next `up` tries again. */
  readonly behind?: Behind;
  /** What the servers that were let in last answered at the gate, by server. */
  readonly gate?: Seen;
  /** After a refresh: directors that could not be read, and why. */
  readonly unreachable?: Behind;
  /** Servers that are kept at weight 0 because the gate was not passed. */
  readonly held?: readonly string[];
}

/** What tells one kind of resource on a cluster from another. */
export interface GatedKind<I extends OnCluster> {
  /** Properties whose change makes another resource of it; the cluster does as well. */
  readonly identity: readonly string[];
  /** All other properties whose change is one. The resource's name is none: renaming it changes nothing. */
  readonly settings: readonly string[];
  readonly check: (inputs: Properties) => Checked;
  readonly id: (inputs: I) => string;
  readonly outputs: (inputs: I, findings: Findings) => Properties;
  /** `state`: what the resource is now; absent when it is new. */
  readonly gated: (inputs: I, fleet: Fleet, state?: I) => GatedChange;
  /** How to take the resource off a director; its name and place are those it was last applied with. */
  readonly removal: (state: I) => Removal;
  readonly observe: (state: I, fleet: Fleet) => Promise<Observed | undefined>;
}

/** The handler of a kind of resource whose servers pass a gate before they are let in, on every director of a cluster. */
export function gatedResource<I extends OnCluster>(fleet: Fleet, kind: GatedKind<I>): ResourceHandler {
  // The engine hands back what `check` returned, and `outputs` for a state.
  const typed = (properties: Properties) => properties as unknown as I;
  return {
    check: kind.check,
    diff(state, inputs) {
      // What is behind is no input: a preview would show an update, and not why.
      for (const [director, reason] of Object.entries((state.behind ?? {}) as Behind)) {
        warnOnce(`director ${director} does not hold the last change yet, and is tried again: ${reason}`);
      }
      return difference(kind, state, inputs);
    },
    async create(properties) {
      const inputs = { ...typed(properties), token: randomBytes(8).toString("hex") };
      const outcome = await createGated(kind.gated(inputs, fleet));
      const [id, outputs] = [kind.id(inputs), kind.outputs(inputs, findingsOf(outcome))];
      if (outcome.failure) throw new InitialisationError(id, outputs, outcome.failure);
      return { id, outputs };
    },
    read: (_id, state) => kind.observe(typed(state), fleet),
    async update(id, properties, news) {
      const state = typed(properties);
      const inputs = { ...typed(news), token: state.token };
      const outcome = await changeGated(kind.gated(inputs, fleet, state)).catch((error: unknown) => {
        if (!(error instanceof RolloutError) || !error.uncertain) throw error;
        // The state stays the one before, and is marked: even when the program goes back to it, the next `up` repairs.
        throw new InitialisationError(id, properties, error);
      });
      await leave(fleet.briefly(departed(state.cluster, inputs.cluster)), kind.removal(state));
      return kind.outputs(inputs, findingsOf(outcome));
    },
    async delete(_id, properties) {
      const state = typed(properties);
      await removeDrained(fleet.of(state.cluster), kind.removal(state), state.cluster);
    },
  };
}

/**
 * Directors on which the resource may never have been, by name: those that have joined its cluster, and those that were left
 * out of its last change.
 *
 * @param state absent: it is new
 */
export function strangeOn(inputs: OnCluster, state: (OnCluster & Findings) | undefined): ReadonlySet<string> {
  if (!state) return new Set();
  return new Set([...joined(state.cluster, inputs.cluster), ...Object.keys(state.behind ?? {})]);
}

/** Only what there is to say: an empty property would be one more line in every preview. */
function findingsOf({ behind, gate, held }: Outcome): Findings {
  for (const [director, reason] of Object.entries(behind)) {
    warnOnce(`left out: ${reason} The next \`up\` tries ${director} again.`);
  }
  return {
    ...(Object.keys(behind).length > 0 && { behind }),
    ...(Object.keys(gate).length > 0 && { gate }),
    ...(held && { held }),
  };
}

function difference<I extends OnCluster>(
  kind: GatedKind<I>,
  state: Properties,
  inputs: Properties,
): Difference {
  const changed = (key: string) => !isDeepStrictEqual(state[key], inputs[key]);
  const replaces = kind.identity.filter(changed);
  const samePlace = replaces.length === 0;
  const [before, after] = [state.cluster, inputs.cluster] as Partial<ClusterHandle>[];
  if (before?.id !== after?.id && !isUnknown(inputs.cluster)) replaces.push("cluster");
  const moved = !isDeepStrictEqual(byName(before), byName(after));
  const left = state.drift !== undefined || state.behind !== undefined;
  const changes = replaces.length > 0 || kind.settings.some(changed) || moved || left;
  // At the same place the new one could not come before the old one has gone; on other directors it can.
  const isInTheWay = samePlace && !areApart(before, after);
  return { changes, replaces, deleteBeforeReplace: replaces.length > 0 && isInTheWay };
}

/** Whether it is known of two clusters that no director is in both. */
function areApart(before: unknown, after: unknown): boolean {
  if (!hasDirectors(before) || !hasDirectors(after)) return false;
  return departed(before, after).directors.length === before.directors.length;
}

function hasDirectors(cluster: unknown): cluster is ClusterHandle {
  return isRecord(cluster) && Array.isArray(cluster.directors) && cluster.directors.every(isRecord);
}

/**
 * The order in which directors are listed means nothing, nor do settings, which are the cluster's own business. `rollout`
 * and `unreachable` count: a delete knows the state alone, so the state has to learn how one is to be made.
 */
function byName(cluster: Partial<ClusterHandle> | undefined): unknown {
  if (!Array.isArray(cluster?.directors)) return cluster;
  const { settings: _, ...acted } = cluster;
  const directors = [...cluster.directors].sort((a, b) => (String(a?.name) < String(b?.name) ? -1 : 1));
  return { ...acted, directors };
}
