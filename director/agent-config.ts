import type { ApiAccess, Etcd } from "../spec";
import { canonicalJson } from "./canonical";
import { sha256 } from "./sha256";

/** What an agent is told besides what is declared on its director: which etcd it shares that by, and who may use its API. */
export interface AgentConfig {
  /** The director's name in its cluster. */
  readonly director: string;
  /** Absent: the director has its own file alone. */
  readonly etcd?: SharedEtcd;
  /** Absent: its API is on the unix socket alone. */
  readonly api?: ApiAccess;
}

/** An etcd with its prefix known. */
export type SharedEtcd = Etcd & { readonly prefix: string };

/**
 * The agent's file `agent.json`, the same for equal configurations. Empty where there is nothing to tell an agent: then it has
 * no such file. Holds secrets: it is sent on standard input alone, and only root may read it.
 */
export function agentConfigText({ director, ...told }: AgentConfig): string {
  const declared = Object.values(told).filter((one) => one !== undefined);
  return declared.length === 0 ? "" : `${canonicalJson({ director, ...told })}\n`;
}

/**
 * By which a running agent is known to have been told this. It is compared and then forgotten: what is kept anywhere could
 * be used to try passwords against it.
 */
export function configDigest(text: string): string {
  return text === "" ? "-" : sha256(text);
}
