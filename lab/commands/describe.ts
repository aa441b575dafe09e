import type { Lab } from "../lab";

/** A running lab for people, line by line. */
export async function describe(lab: Lab): Promise<string[]> {
  const { inventory } = lab;
  const { announced, database } = await lab.status();
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
    `virtual addresses: any of ${inventory.virtual.v4} and ${inventory.virtual.v6}`,
  ];
}
