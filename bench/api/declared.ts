import { readTable } from "../guest/kernel-table";
import type { PlannedService } from "../plan";
import type { ApiClient } from "./api-client";
import type { TableSource } from "./order";

/** A server of a virtual server, `10.200.0.0:80 10.100.0.0:80`, and its weight. */
export type Weights = ReadonlyMap<string, number>;

const RULE = /^-a -t ([0-9.:]+) -r ([0-9.:]+) -m -w ([0-9]+)$/;

/** What was declared last, server by server. */
export class Declared {
  readonly #weights = new Map<string, number>();

  constructor(services: readonly PlannedService[]) {
    for (const service of services)
      for (const member of service.members) this.#weights.set(nameOf(service, member), 1);
  }

  set(service: PlannedService, member: PlannedService["members"][number], weight: number): void {
    this.#weights.set(nameOf(service, member), weight);
  }

  /** How many servers are not as declared, those among them that nobody declared. */
  wrongIn(found: Weights): number {
    const names = new Set([...found.keys(), ...this.#weights.keys()]);
    return [...names].filter((name) => found.get(name) !== this.#weights.get(name)).length;
  }
}

/** The weights that the table has. */
export async function weightsIn(source: TableSource, client: ApiClient): Promise<Weights> {
  if (source === "kernel") {
    const groups = readTable();
    return new Map(
      groups.flatMap(({ service, entries }) =>
        entries.map(({ server, weight }) => [`${service} ${server}`, weight] as const),
      ),
    );
  }
  const { text } = await client.ask("GET", "/v1/state");
  const { table } = JSON.parse(text) as { table: string[] };
  return new Map(
    table.flatMap((line) => {
      const [, service, server, weight] = RULE.exec(line) ?? [];
      return service === undefined ? [] : [[`${service} ${server}`, Number(weight)] as const];
    }),
  );
}

function nameOf(
  service: PlannedService,
  member: { readonly address: string; readonly port: number },
): string {
  return `${service.address}:${service.port} ${member.address}:${member.port}`;
}
