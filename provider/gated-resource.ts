import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Change } from "../director";
import { type ClusterHandle, departed, type Fleet } from "./fleet";
import { changeGated, createGated, type GatedChange } from "./gated-change";
import {
  type Checked,
  type Difference,
  InitialisationError,
  type Observed,
  type Properties,
  type ResourceHandler,
} from "./handler";
import { leave } from "./leave";
import { changeEverywhere, rehearseEverywhere } from "./rollout";
import { isUnknown } from "./unknown";

/** What every resource on a cluster has. */
export interface OnCluster {
  readonly name: string;
  readonly cluster: ClusterHandle;
  /** Which resource of that name; in the state, not among the inputs. See `Registration` in director/. */
  readonly token?: string;
}

/** What tells one kind of resource on a cluster from another. */
export interface GatedKind<I extends OnCluster> {
  /** Properties whose change makes another resource of it; the cluster does as well. */
  readonly identity: readonly string[];
  /** All other properties whose change is one. The resource's name is none: renaming it changes nothing. */
  readonly settings: readonly string[];
  readonly check: (inputs: Properties) => Checked;
  readonly id: (inputs: I) => string;
  readonly outputs: (inputs: I) => Properties;
  /** `known`: the state has it already. */
  readonly gated: (inputs: I, fleet: Fleet, known: boolean) => GatedChange;
  /** Takes the resource off a director; its name and place are those it was last applied with. */
  readonly removal: (state: I) => Change;
  readonly observe: (state: I, fleet: Fleet) => Promise<Observed | undefined>;
}

/** The handler of a kind of resource whose servers pass a gate before they are let in, on every director of a cluster. */
export function gatedResource<I extends OnCluster>(fleet: Fleet, kind: GatedKind<I>): ResourceHandler {
  // The engine hands back what `check` returned, and `outputs` for a state.
  const typed = (properties: Properties) => properties as unknown as I;
  return {
    check: kind.check,
    diff: (state, inputs) => difference(kind, state, inputs),
    async create(properties) {
      const inputs = { ...typed(properties), token: randomBytes(8).toString("hex") };
      const [id, outputs] = [kind.id(inputs), kind.outputs(inputs)];
      const failure = await createGated(kind.gated(inputs, fleet, false));
      if (failure) throw new InitialisationError(id, outputs, failure);
      return { id, outputs };
    },
    read: (_id, state) => kind.observe(typed(state), fleet),
    async update(_id, properties, news) {
      const state = typed(properties);
      const inputs = { ...typed(news), token: state.token };
      await changeGated(kind.gated(inputs, fleet, true));
      await leave(fleet.briefly(departed(state.cluster, inputs.cluster)), kind.removal(state));
      return kind.outputs(inputs);
    },
    async delete(_id, properties) {
      const state = typed(properties);
      const [directors, removal] = [fleet.of(state.cluster), kind.removal(state)];
      // A director that cannot be reached must be found before the others have let the service go.
      await rehearseEverywhere(directors, removal);
      await changeEverywhere(directors, removal);
    },
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
  const changes = replaces.length > 0 || kind.settings.some(changed) || moved || state.drift !== undefined;
  // At the same place the new one could not come before the old one has gone.
  return { changes, replaces, deleteBeforeReplace: replaces.length > 0 && samePlace };
}

/** The order in which directors are listed means nothing. */
function byName(cluster: Partial<ClusterHandle> | undefined): unknown {
  if (!Array.isArray(cluster?.directors)) return cluster;
  const directors = [...cluster.directors].sort((a, b) => (String(a?.name) < String(b?.name) ? -1 : 1));
  return { ...cluster, directors };
}
