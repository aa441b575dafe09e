import {
  type Destination,
  destinationKey,
  type Edit,
  type Service,
  serviceKey,
  type Table,
} from "../../ipvs";

/** What the kernel would refuse: an edit of something that is not there, an addition of something that is. */
export class RefusedByKernelError extends Error {}

/** A model of the kernel's table: takes one edit as IPVS would, and complains where IPVS would. */
export function applyEdit(table: Table, edit: Edit): Table {
  const key = serviceKey(edit.service);
  const found = table.find((service) => serviceKey(service) === key);
  if ((edit.kind === "add-service") === (found !== undefined))
    throw new RefusedByKernelError(`${edit.kind} ${key}`);
  if (edit.kind === "delete-service") return table.filter((service) => service !== found);
  if (!found) return [...table, { ...edit.service, destinations: [] }];
  const next =
    "destination" in edit
      ? { ...found, destinations: applyToPool(found.destinations, edit.kind, edit.destination) }
      : { ...edit.service, destinations: found.destinations };
  return table.map((service): Service => (service === found ? next : service));
}

function applyToPool(pool: readonly Destination[], kind: Edit["kind"], one: Destination): Destination[] {
  const key = destinationKey(one);
  const there = pool.some((other) => destinationKey(other) === key);
  if ((kind === "add-destination") === there) throw new RefusedByKernelError(`${kind} ${key}`);
  const others = pool.filter((other) => destinationKey(other) !== key);
  return kind === "delete-destination"
    ? others
    : kind === "add-destination"
      ? [one, ...others]
      : pool.map((other) => (destinationKey(other) === key ? one : other));
}
