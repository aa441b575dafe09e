import { realServerKey, type VirtualServer } from "../../spec";
import { type Held, isSame, type ServicePlan } from "./plan";

/** A change that a director needs. */
export type DirectorStep =
  | {
      readonly kind: "put";
      readonly id: string;
      readonly service: string;
      readonly bodies: readonly VirtualServer[];
    }
  | { readonly kind: "delete"; readonly id: string; readonly service: string };

/**
 * What one director is to be told. Only ids that are claimed there, in the Service as the API server has it, are touched.
 *
 * @param plans by the names of Services
 * @param refused servers of a virtual server that did not become healthy when they were last let in
 */
export function directorSteps(
  director: string,
  plans: ReadonlyMap<string, ServicePlan>,
  heldBy: (id: string) => Held,
  refused: (id: string) => ReadonlySet<string>,
): DirectorStep[] {
  return [...plans].flatMap(
    ([
      service,
      {
        service: { claims },
        wanted,
      },
    ]) =>
      Object.entries(claims).flatMap(([id, directors]): DirectorStep[] => {
        const held = heldBy(id);
        if (!directors.includes(director) || held === "unknown" || held === "foreign") return [];
        if (!wanted.has(id)) return held === "absent" ? [] : [{ kind: "delete", id, service }];
        const body = wanted.get(id);
        if (body === undefined) return [];
        const next = withoutRefused(body, held, refused(id));
        if (held !== "absent" && isSame(held, next)) return [];
        return [{ kind: "put", id, service, bodies: stages(held, next) }];
      }),
  );
}

/** Without servers that were just refused; one that is in already is not asked again, and stays. */
export function withoutRefused(body: VirtualServer, held: Held, refused: ReadonlySet<string>): VirtualServer {
  const present = new Set(poolOf(held).map(realServerKey));
  const realServers = poolOf(body).filter((one) => {
    const key = realServerKey(one);
    return present.has(key) || !refused.has(key);
  });
  return { ...body, realServers };
}

/**
 * Servers that go do so at once: they do not wait until those that come have been found healthy. Where none would be left
 * meanwhile, both are one change.
 */
function stages(held: Held, wanted: VirtualServer): VirtualServer[] {
  const there = new Set(poolOf(held).map(realServerKey));
  const staying = poolOf(wanted).filter((one) => there.has(realServerKey(one)));
  const comes = staying.length < poolOf(wanted).length;
  const goes = staying.length < there.size;
  return comes && goes && staying.length > 0 ? [{ ...wanted, realServers: staying }, wanted] : [wanted];
}

function poolOf(held: Held) {
  return typeof held === "string" ? [] : (held.realServers ?? []);
}
