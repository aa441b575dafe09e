import {
  type ActiveHealthCheck,
  healthCheck,
  isRecord,
  type Problem,
  type PropertyPath,
  parse,
  transportOf,
} from "../spec";
import type { Properties } from "./handler";
import { isUnknown } from "./unknown";

/**
 * What a resource's checks ask for that cannot be had over SSH, where it is sshd that connects, over TCP, from whatever address
 * the routes say.
 *
 * @param properties of a virtual server or a real server, as the user wrote them
 */
export function sshCheckProblems({ cluster, healthCheck: own, realServers }: Properties): Problem[] {
  if (!isRecord(cluster) || isUnknown(cluster)) return [];
  const { mode } = cluster as { readonly mode?: unknown };
  if (mode === "agent" || isUnknown(mode)) return [];
  const pool: unknown[] = Array.isArray(realServers) ? realServers : [];
  return [
    ...problemsOf(own, ["healthCheck"]),
    ...pool.flatMap((one, index) =>
      isRecord(one) ? problemsOf(one.healthCheck, ["realServers", index, "healthCheck"]) : [],
    ),
  ];
}

function problemsOf(check: unknown, path: PropertyPath): Problem[] {
  if (!isRecord(check) || isUnknown(check)) return [];
  const problems: Problem[] = [];
  if (check.sourceAddress !== undefined && !isUnknown(check.sourceAddress))
    problems.push({ path: [...path, "sourceAddress"], reason: NOBODY_OBEYS });
  const { value } = parse(healthCheck, check, isUnknown);
  if (transportOf(value as ActiveHealthCheck) === "udp")
    problems.push({ path: [...path, "transport"], reason: NO_UDP });
  return problems;
}

const NOBODY_OBEYS =
  'expected no sourceAddress: over SSH the director\'s routes choose it; leave it out, or give the Cluster mode "agent"';

const NO_UDP = 'expected tcp, found udp: SSH has no UDP; ask over tcp, or give the Cluster mode "agent"';
