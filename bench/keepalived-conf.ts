import type { Pace } from "./checked";
import type { PlannedService } from "./plan";

/**
 * The same virtual servers and checks for keepalived. Its `retry` counts the attempts after the first. Without `alpha`, as by
 * default, servers count as alive until they fail and stand in the table from the start, as with an agent.
 */
export function keepalivedConf(services: readonly PlannedService[], pace: Pace, weight = 1): string {
  return services.map((service) => virtualServer(service, pace, weight)).join("\n");
}

function virtualServer({ address, port, members }: PlannedService, pace: Pace, weight: number): string {
  return `virtual_server ${address} ${port} {
  delay_loop ${seconds(pace.intervalMs)}
  lb_algo wrr
  lb_kind NAT
  protocol TCP
${pace.checkedFirst === true ? "  alpha\n" : ""}${members.map((member) => realServer(member, pace, weight)).join("")}}
`;
}

function realServer(member: PlannedService["members"][number], pace: Pace, weight: number): string {
  return `  real_server ${member.address} ${member.port} {
    weight ${weight}
    TCP_CHECK {
      connect_timeout ${seconds(pace.timeoutMs)}
      retry ${pace.fall - 1}
      delay_before_retry ${seconds(pace.intervalMs)}
    }
  }
`;
}

function seconds(ms: number): string {
  return String(ms / 1000);
}
