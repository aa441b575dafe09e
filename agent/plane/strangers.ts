import {
  type Registration,
  type Registry,
  registeredMembers,
  registryDelta,
  registryLines,
} from "../../director/data";
import { destinationKey, findService, type Table } from "../../ipvs";
import { realServerKey } from "../../spec";

/** What a director can hold of what is shared. */
export interface Held {
  readonly registry: Registry;
  /** What it cannot, in sentences. */
  readonly conflicts: readonly string[];
}

/**
 * What is shared, without what would take over entries of this director's kernel that belong to nobody: they were not asked
 * about here, and somebody may live by them. As soon as they are gone, it is held.
 *
 * @param own what stands registered on the director
 */
export function withoutStrangers(own: Registry, shared: Registry, table: Table): Held {
  const conflicts: string[] = [];
  const owners: Record<string, Registry["owners"][string]> = {};
  for (const [id, owner] of Object.entries(shared.owners)) {
    const kept = Object.entries(owner.virtualServers).flatMap(([key, wanted]) => {
      const held = holdable(own, key, wanted, table);
      if (held !== wanted) conflicts.push(described(key, wanted, held));
      return held ? [[key, held] as const] : [];
    });
    if (kept.length > 0) owners[id] = { ...owner, virtualServers: Object.fromEntries(kept) };
  }
  for (const [id, owner] of Object.entries(own.owners)) {
    for (const [key, registration] of Object.entries(owner.virtualServers)) {
      if (registrationOf(shared, key) || strangers(own, key, registration, table).length === 0) continue;
      conflicts.push(`${key} stays: it holds real servers that nobody has registered`);
      const { label, virtualServers = {} } = owners[id] ?? { label: owner.label };
      owners[id] = { label, virtualServers: { ...virtualServers, [key]: registration } };
    }
  }
  return { registry: { owners }, conflicts };
}

/** Keys of virtual servers that two registries have otherwise. */
export function changedKeys(before: Registry, after: Registry): string[] {
  const keys = registryDelta(registryLines(before), registryLines(after)).flatMap((edit) => {
    const [, key] = /^.service \S+ ([^\t]+)/.exec(edit) ?? [];
    return key === undefined ? [] : [key];
  });
  return [...new Set(keys)];
}

function holdable(own: Registry, key: string, wanted: Registration, table: Table): Registration | undefined {
  const found = findService(table, key);
  if (!found) return wanted;
  const before = registrationOf(own, key);
  if (!before) return undefined;
  // A pool that lists its servers has none but its own.
  if (before.pool === "inline") return wanted;
  if (wanted.pool === "inline") return strangers(own, key, before, table).length === 0 ? wanted : before;
  const known = new Set(registeredMembers(own, key).map(realServerKey));
  const standing = new Set(found.destinations.map(destinationKey));
  const members = wanted.members.filter((one) => {
    const server = realServerKey(one);
    return known.has(server) || !standing.has(server);
  });
  return members.length === wanted.members.length ? wanted : { ...wanted, members };
}

function described(key: string, wanted: Registration, held: Registration | undefined): string {
  if (!held) return `${key} stands here already and belongs to nobody: it is left as it is`;
  if (held.pool !== wanted.pool)
    return `${key} stays as it was: it holds real servers that nobody has registered, and is to have those alone that it lists`;
  const missing = wanted.members.filter((one) => !held.members.includes(one)).map(realServerKey);
  return `${missing.join(", ")} of ${key} stand here already and belong to nobody: they are left as they are`;
}

function strangers(own: Registry, key: string, { pool }: Registration, table: Table): string[] {
  if (pool === "inline") return [];
  const ours = new Set(registeredMembers(own, key).map(realServerKey));
  return (findService(table, key)?.destinations ?? []).map(destinationKey).filter((one) => !ours.has(one));
}

function registrationOf({ owners }: Registry, key: string): Registration | undefined {
  return Object.values(owners)
    .map(({ virtualServers }) => virtualServers[key])
    .find((found) => found !== undefined);
}
