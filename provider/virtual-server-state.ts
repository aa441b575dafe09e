import { effectiveWeight } from "../director";
import { IDENTITY_FIELDS, realServerKey, type VirtualServer, virtualServerKey } from "../spec";
import type { Findings, OnCluster } from "./gated-resource";
import type { Properties } from "./handler";
import type { Drift } from "./observe";

/** Inputs of a VirtualServer, in normal form. */
export type Inputs = VirtualServer & OnCluster;

/** What the state holds of one. */
export type State = Inputs & Findings & { readonly drift?: Drift };

/** Everything that a VirtualServer can be given besides its identity; a change of each is made in place. */
export const SETTINGS = [
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

const INPUTS = ["name", "parent", "cluster", ...IDENTITY_FIELDS, ...SETTINGS, "adopt"] as const;

/** Of a state, what the program declares. */
export function inputsOf(inputs: Inputs): Properties {
  const all = inputs as unknown as Properties;
  return Object.fromEntries(INPUTS.flatMap((key) => (all[key] === undefined ? [] : [[key, all[key]]])));
}

/** What the state holds of a virtual server whose change ended with these findings. */
export function outputsOf(inputs: Inputs, { held: waiting = [], ...rest }: Findings): Properties {
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
