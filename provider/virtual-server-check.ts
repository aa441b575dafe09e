import {
  type DeclaredRealServer,
  parseVirtualServer,
  placedWarnings,
  type VirtualServer,
  virtualServerLint,
} from "../spec";
import type { ClusterHandle } from "./fleet";
import { handleProblems } from "./handle";
import type { Checked, Properties } from "./handler";
import { sshCheckProblems } from "./ssh-checks";
import { isUnknown } from "./unknown";

/** What is wrong with the inputs of a VirtualServer, and what its user should know; in normal form. */
export function checkVirtualServer({ name, parent, cluster, ...properties }: Properties): Checked {
  const { value, problems } = parseVirtualServer(properties, isUnknown);
  const all = [...handleProblems(cluster), ...problems, ...sshCheckProblems({ cluster, ...properties })];
  const inputs = { name, parent, cluster, ...value };
  // What is wrong has to be mended first; only then it can be told what follows from the rest.
  if (all.length > 0) return { inputs, problems: all, warnings: [] };
  const warnings = [
    ...uncheckedWarnings(value),
    ...virtualServerLint(value, { directors: directorsOf(cluster), mode: modeOf(cluster) }),
  ];
  return {
    inputs,
    problems: all,
    warnings: warnings.map((text) => `VirtualServer ${name}: ${text}.`),
    hints: placedOn(cluster, value).map((text) => `${text}.`),
  };
}

/** undefined: the cluster, and so its mode, is not known yet. */
function modeOf(cluster: unknown): unknown {
  if (directorsOf(cluster) === undefined) return undefined;
  return (cluster as { mode?: unknown }).mode ?? "ssh";
}

function directorsOf(cluster: unknown): number | undefined {
  const { directors } = (cluster ?? {}) as { directors?: unknown };
  return Array.isArray(directors) ? directors.length : undefined;
}

function uncheckedWarnings(value: VirtualServer): string[] {
  const pool = Array.isArray(value.realServers) ? value.realServers : undefined;
  const isOpen = (one: DeclaredRealServer) => (one.healthCheck ?? value.healthCheck)?.type === "none";
  if (pool === undefined ? value.healthCheck?.type !== "none" : !pool.some(isOpen)) return [];
  const what = value.fwmark === undefined ? value.protocol : "a firewall mark";
  const why = what === "tcp" ? "the health check is `none`" : `${what} has no handshake to check`;
  return [`servers are let in unchecked (${why}); name a healthCheck to gate them`];
}

function placedOn(cluster: unknown, value: VirtualServer): string[] {
  if (isUnknown(cluster) || cluster === undefined) return [];
  return placedWarnings(cluster as ClusterHandle, value);
}
