import { setTimeout as delay } from "node:timers/promises";
import { parseTraffic } from "../../ipvs";
import type { Lab } from "../../lab";

/** Connections by director, then by "service destination", since a moment. */
export type Connections = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Kernels sum their counters up every two seconds; by then all of them have. */
const SUMMED_WITHIN_MS = 30_000;

/** Reads IPVS' own counters on every director. */
export async function readConnections(lab: Lab): Promise<Connections> {
  const read = async ({ name }: { name: string }) => {
    const list = async (...options: readonly string[]) =>
      (await lab.exec(name, ["ipvsadm", "--list", "-n", ...options])).stdout;
    const traffic = parseTraffic(await list("--stats", "--exact"), await list("--persistent-conn"));
    const counts = traffic.flatMap(({ service, destinations }) =>
      destinations.map((one): [string, number] => [`${service} ${one.destination}`, one.connections]),
    );
    return [name, new Map(counts)] as const;
  };
  return new Map(await Promise.all(lab.inventory.directors.map(read)));
}

/** What was added since `before`; waits until the kernels have counted `expected` connections to `service`. */
export async function connectionsSince(
  lab: Lab,
  before: Connections,
  service: string,
  expected: number,
): Promise<Connections> {
  const until = Date.now() + SUMMED_WITHIN_MS;
  for (;;) {
    const now = await readConnections(lab);
    const since = new Map(
      [...now].map(([director, counts]) => [director, difference(counts, before.get(director), service)]),
    );
    const total = [...since.values()].flatMap((counts) => [...counts.values()]).reduce((a, b) => a + b, 0);
    if (total >= expected || Date.now() > until) return since;
    await delay(250);
  }
}

function difference(
  now: ReadonlyMap<string, number>,
  before: ReadonlyMap<string, number> | undefined,
  service: string,
): Map<string, number> {
  const own = [...now].filter(([key]) => key.startsWith(`${service} `));
  return new Map(own.map(([key, count]) => [key.slice(service.length + 1), count - (before?.get(key) ?? 0)]));
}
