import type { Lab } from "../lab";
import type { ActiveFault } from "../world/fault-list";

/** A running lab for people, line by line. */
export async function describe(lab: Lab): Promise<string[]> {
  const { inventory } = lab;
  const { announced, database, faults } = await lab.status();
  const directors = inventory.directors.map((d) => {
    const state = announced.includes(d.name) ? "" : "  withdrawn from the switch";
    return `  ${d.name.padEnd(6)} ssh port ${d.port} of ${d.host}${state}`;
  });
  const servers = inventory.servers.map((s) => {
    const ports = Object.entries(s.ports).map(([service, numbers]) => `${service} ${numbers.join(",")}`);
    const state = s.role === "mysql" && database.state !== "ready" ? `  (database: ${database.state})` : "";
    return `  ${s.name.padEnd(6)} ${s.address.padEnd(13)} ${s.address6.padEnd(10)} ${ports.join("; ")}${state}`;
  });
  return [
    `lab ${inventory.name} (${inventory.mode})`,
    "directors",
    ...directors,
    "real servers",
    ...servers,
    ...(faults.length > 0 ? ["faults", ...faults.map((fault) => `  ${faultLine(fault)}`)] : []),
    `virtual addresses: any of ${inventory.virtual.v4} and ${inventory.virtual.v6}`,
  ];
}

/** A fault that is on, and the command that ends it. */
export function faultLine(fault: ActiveFault): string {
  const { kind, node } = fault;
  switch (kind) {
    case "kill-director":
      return `${kind} ${node}${fault.withdrawn ? "" : " --no-withdraw"}   (ends with: restore-director ${node})`;
    case "reboot-director":
      return `${kind} ${node} --no-announce   (ends with: restore-director ${node})`;
    case "kill-server":
      return `${kind} ${node}   (ends with: restore-server ${node})`;
    case "stop-service":
      return `${kind} ${node} ${fault.service}   (ends with: start-service ${node} ${fault.service})`;
    case "set-health":
      return `${kind} ${node} ${fault.status}   (ends with: set-health ${node} 200)`;
    case "hang-ssh":
      return `${kind} ${node} ${fault.stage}   (ends with: restore-ssh ${node})`;
    case "impair-network": {
      const figures = `--delay ${fault.delayMs} --jitter ${fault.jitterMs} --loss ${fault.lossPercent}`;
      return `${kind} ${node} ${fault.network} ${figures}   (ends with: restore-network ${node} ${fault.network})`;
    }
  }
}
