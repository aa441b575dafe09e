import type { History } from "../health";
import { realServerKey } from "../spec";
import { keyOf, probeOf, registrations } from "./probes";
import { type ServerStatus, serverStatus, type Viewed, wantedOf } from "./status";
import type { WeightFactors } from "./wanted";

/** A server in one of its virtual servers, with what it answered last. */
export interface Explanation extends ServerStatus, Partial<History> {
  readonly service: string;
  /** The type of its check; absent: nothing is asked of it. */
  readonly check?: string;
  /** What `effectiveWeight` is the product of. Absent: an agent that does not tell it. */
  readonly factors?: WeightFactors;
}

/** Everything about one server, by `realServerKey`, in each of its virtual servers. */
export function explain(keeper: Viewed, server: string): Explanation[] {
  const { registry, watch } = keeper.view.pools;
  return [...registrations(registry)].flatMap(([service, registration]) => {
    const member = registration.members.find((one) => realServerKey(one) === server);
    if (!member) return [];
    const wanted = wantedOf(keeper, service, registration);
    const status = serverStatus(keeper, service, registration, wanted, member);
    const probe = keyOf(registration, member);
    const check = probeOf(registration, member)?.check.type;
    const about = { factors: wanted.factors(member), ...(check && { check }) };
    return [{ service, ...status, ...about, ...(probe && watch.history(probe)) }];
  });
}
