import { effectiveWeight } from "../director";
import type { DeclaredRealServer, HealthCheck, VirtualServerIdentity } from "../spec";
import type { Findings, OnCluster } from "./gated-resource";
import type { Properties } from "./handler";

/** Inputs of a RealServer, in normal form. */
export interface Inputs extends DeclaredRealServer, OnCluster {
  readonly virtualServer: VirtualServerIdentity & Pool;
  readonly healthCheck: HealthCheck;
  readonly adopt?: true | undefined;
}

/** Who fills the pool of the virtual server. */
export interface Pool {
  readonly pool: "inline" | "separate";
}

/** What the state holds of one. */
export interface State extends Inputs, Findings {
  readonly drift?: Record<string, string[]>;
}

/** Everything that it can be given besides its identity; a change of each is made in place. */
export const SETTINGS = [
  "weight",
  "forwarding",
  "tunnel",
  "upperThreshold",
  "lowerThreshold",
  "drainMs",
  "healthCheck",
] as const;

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

/** Of a state, what the program declares. */
export function inputsOf(inputs: Inputs): Properties {
  const all = inputs as unknown as Properties;
  return Object.fromEntries(INPUTS.flatMap((key) => (all[key] === undefined ? [] : [[key, all[key]]])));
}

/** What the state holds of a real server whose change ended with these findings. */
export function outputsOf(inputs: Inputs, { held, ...findings }: Findings): Properties {
  const weight = effectiveWeight({ weight: inputs.weight, ...(held && { held: true }) });
  return { ...inputsOf(inputs), token: inputs.token, effectiveWeight: weight, ...findings };
}
