import { isRecord, type Problem, type PropertyPath } from "../spec";
import type { Properties } from "./handler";
import { isUnknown } from "./unknown";

/**
 * Where a resource's checks name the address they come from although nobody could obey: over SSH it is sshd that
 * connects, from whatever address the routes say.
 *
 * @param properties of a virtual server or a real server, as the user wrote them
 */
export function checkSourceProblems({ cluster, healthCheck, realServers }: Properties): Problem[] {
  if (!isRecord(cluster) || isUnknown(cluster)) return [];
  const { mode } = cluster as { readonly mode?: unknown };
  if (mode === "agent" || isUnknown(mode)) return [];
  const pool: unknown[] = Array.isArray(realServers) ? realServers : [];
  return [
    ...problemOf(healthCheck, ["healthCheck"]),
    ...pool.flatMap((one, index) =>
      isRecord(one) ? problemOf(one.healthCheck, ["realServers", index, "healthCheck"]) : [],
    ),
  ];
}

function problemOf(check: unknown, path: PropertyPath): Problem[] {
  if (!isRecord(check) || check.sourceAddress === undefined || isUnknown(check.sourceAddress)) return [];
  return [{ path: [...path, "sourceAddress"], reason: NOBODY_OBEYS }];
}

const NOBODY_OBEYS =
  'expected no sourceAddress: over SSH the director\'s routes choose it; leave it out, or give the Cluster mode "agent"';
