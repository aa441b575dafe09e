import type { Owner } from "../director";

/** What one director has registered for a cluster. */
export interface Holding extends Pick<Owner, "virtualServers"> {
  readonly director: string;
}

/** So many names of one kind stand in a warning; a director that lost its registry lacks everything. */
const NAMED = 5;

/**
 * Says which virtual servers of a cluster some of its directors have registered and others have not: one text for all
 * that the same directors have.
 *
 * A cluster does not know its resources, so what directors agree on may be a rest as well and is not found. It is a
 * warning and no output, because what is registered changes with every virtual server, and the cluster's state does not:
 * as an output it would be a difference of the cluster in each refresh.
 */
export function unsharedWarnings(holdings: readonly Holding[]): string[] {
  const keys = [...new Set(holdings.flatMap(({ virtualServers }) => Object.keys(virtualServers)))].sort();
  const groups = new Map<string, { having: string[]; lacking: string[]; what: string[] }>();
  for (const key of keys) {
    const having = holdings.filter(({ virtualServers }) => virtualServers[key]);
    const lacking = holdings.filter(({ virtualServers }) => !virtualServers[key]);
    if (lacking.length === 0) continue;
    const names = having.map(({ director }) => director);
    const group = groups.get(names.join()) ?? {
      having: names,
      lacking: lacking.map(({ director }) => director),
      what: [],
    };
    group.what.push(`${key} (VirtualServer ${having[0]?.virtualServers[key]?.resource})`);
    groups.set(names.join(), group);
  }
  return [...groups.values()].map(
    ({ having, lacking, what }) =>
      `registered on ${listed(having)} and not on ${listed(lacking)}: ${listed(what)}. ` +
      "Where the program has such a VirtualServer, `pulumi up --refresh` makes them alike. Where it has none (a killed run " +
      "or a delete without that director left it), declare it with that name and address, run `pulumi up`, and remove it again.",
  );
}

function listed(names: readonly string[]): string {
  const more = names.length - NAMED;
  return more > 0 ? `${names.slice(0, NAMED).join(", ")} and ${more} more` : names.join(", ");
}
