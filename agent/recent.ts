import type { PastCheck } from "../health";
import { realServerKey } from "../spec";
import type { Keeper } from "./keeper";
import { keyOf, registrations } from "./probes";

/**
 * The last checks of servers, by virtual server and by server: a sign for each, the newest at the end. `+`: passed, `-`: failed,
 * `?`: it could not be made here. Servers that are not checked are left out.
 */
export type RecentChecks = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The last checks of all servers. */
export function recentChecks({ view }: Pick<Keeper, "view">): RecentChecks {
  const { registry, watch } = view.pools;
  const all = [...registrations(registry)].map(([key, registration]) => {
    const servers = registration.members.flatMap((member) => {
      const probe = keyOf(registration, member);
      const history = probe === undefined ? undefined : watch.history(probe);
      return history ? [[realServerKey(member), history.results.map(sign).join("")] as const] : [];
    });
    return [key, Object.fromEntries(servers)] as const;
  });
  return Object.fromEntries(all);
}

function sign({ healthy, inconclusive }: PastCheck): string {
  return inconclusive ? "?" : healthy ? "+" : "-";
}
