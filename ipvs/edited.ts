import { type Destination, destinationKey, findService, type Service, serviceKey, type Table } from "./model";
import type { Edit } from "./plan";

/** A service while edits are made. */
interface Pool {
  service: Service;
  readonly destinations: Map<string, Destination>;
}

/**
 * What becomes of the services that edits concern when the kernel takes all of them, by their keys; undefined: gone.
 * Whether it has taken them is another question.
 */
export function editedServices(table: Table, edits: readonly Edit[]): Map<string, Service | undefined> {
  const pools = new Map<string, Pool | undefined>();
  for (const edit of edits) {
    const key = serviceKey(edit.service);
    const pool = pools.has(key) ? pools.get(key) : poolOf(findService(table, key));
    pools.set(key, edited(pool, edit));
  }
  return new Map(
    [...pools].map(([key, pool]) => [
      key,
      pool && { ...pool.service, destinations: [...pool.destinations.values()] },
    ]),
  );
}

function edited(pool: Pool | undefined, edit: Edit): Pool | undefined {
  if (edit.kind === "delete-service") return undefined;
  const made = pool ?? { service: edit.service, destinations: new Map() };
  if (!("destination" in edit)) return { service: edit.service, destinations: made.destinations };
  const key = destinationKey(edit.destination);
  if (edit.kind === "delete-destination") made.destinations.delete(key);
  else made.destinations.set(key, edit.destination);
  return made;
}

function poolOf(service: Service | undefined): Pool | undefined {
  return (
    service && {
      service,
      destinations: new Map(service.destinations.map((one) => [destinationKey(one), one])),
    }
  );
}
