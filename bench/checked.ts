import type { HealthRecord } from "../agent";
import { type Registration, type Registry, renderRegistry } from "../director/data";
import { probeKey, type ServerHealth } from "../health";
import { type ActiveHealthCheck, healthCheck, virtualServerKey } from "../spec";
import type { PlannedService } from "./plan";

/** How servers are checked, by ours and by the peer: a completed TCP handshake is alive, unless it is said otherwise. */
export interface Pace {
  /** From one check to the next, and from a check that failed to the next. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Consecutive failures that take a server out; one success brings it back. */
  readonly fall: number;
  /**
   * Every server is down until a check of it succeeds: keepalived's `alpha`, and for an agent what it wrote down before it
   * was ended. Absent: every server is up until its checks fail.
   */
  readonly checkedFirst?: boolean;
}

/** What is asked of a server. */
export type CheckType = "tcp" | "http";

/** Owner of what the benches register. */
const OWNER = { id: "bench-1", label: "bench Cluster bench" };

/** The check of a pace in normal form. */
export function checkOf({ intervalMs, timeoutMs, fall }: Pace, type: CheckType = "tcp"): ActiveHealthCheck {
  const check = healthCheck.parse({
    ...{ type, intervalMs, timeoutMs, rise: 1, fall },
    deadlineMs: 2 * intervalMs + timeoutMs,
  });
  if (check.type === "none") throw new Error("a check that asks something was expected");
  return check;
}

/**
 * A virtual server as an agent's registry has it: weighted round robin, NAT, every weight 1.
 *
 * @param pace absent: nothing is asked of its servers
 */
export function registrationOf({ name, address, port, members }: PlannedService, pace?: Pace): Registration {
  return {
    ...{ protocol: "tcp", address, port },
    ...{ resource: name, token: name, scheduler: "wrr", pool: "inline" },
    healthCheck: pace ? checkOf(pace) : { type: "none" },
    members: members.map((one) => ({
      ...{ address: one.address, port: one.port, weight: 1, forwarding: "nat" as const },
    })),
  };
}

/** The registry of these virtual servers. */
export function registryOf(services: readonly PlannedService[], pace?: Pace): Registry {
  const virtualServers = Object.fromEntries(
    services.map((service) => {
      const registration = registrationOf(service, pace);
      return [virtualServerKey(registration), registration];
    }),
  );
  return { owners: { [OWNER.id]: { label: OWNER.label, virtualServers } } };
}

/** What an agent finds in its registry's file. */
export function registryText(services: readonly PlannedService[], pace?: Pace): string {
  return renderRegistry(registryOf(services, pace));
}

/** What an agent finds written down where all these servers are down, and no virtual server has its quorum. */
export function allDownText(services: readonly PlannedService[], pace: Pace): string {
  const health: ServerHealth = { healthy: false, streak: 0, since: 0, answer: "not checked yet", at: 0 };
  const check = checkOf(pace);
  const probes = services.flatMap(({ members }) =>
    members.map(({ address, port }) => probeKey({ check, target: { address, port } })),
  );
  const record: HealthRecord = {
    down: Object.fromEntries(probes.map((probe) => [probe, health])),
    lost: services.map((service) => virtualServerKey(registrationOf(service, pace))),
    drains: [],
  };
  return JSON.stringify(record);
}
