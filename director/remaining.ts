import { destinationKey, serviceKey, type Table } from "../ipvs";
import { findRegistration, type Registry, registeredMembers } from "./registry";

/** The table without what an earlier change of the group lets go: it leaves with them, so it is nobody's entry. */
export function remaining(
  state: { readonly registry: Registry; readonly table: Table },
  registry: Registry,
  key: string,
): Table {
  if (!findRegistration(state.registry, key)) return state.table;
  if (!findRegistration(registry, key)) return state.table.filter((service) => serviceKey(service) !== key);
  const staying = new Set(registeredMembers(registry, key).map(destinationKey));
  const left = registeredMembers(state.registry, key).map(destinationKey);
  const gone = new Set(left.filter((member) => !staying.has(member)));
  if (gone.size === 0) return state.table;
  return state.table.map((service) =>
    serviceKey(service) === key
      ? { ...service, destinations: service.destinations.filter((one) => !gone.has(destinationKey(one))) }
      : service,
  );
}
