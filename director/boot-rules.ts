import { plan, renderEdits, serviceKey } from "../ipvs";
import { desiredService } from "./desired";
import type { Registration } from "./registry";

/**
 * Lines for `ipvsadm --restore` that put a registered virtual server into an empty table, its servers in the order in
 * which they are registered. They lie next to the registration on the director: it can fill its table at boot by itself.
 */
export function bootRules(registration: Registration): string[] {
  const desired = desiredService(registration, undefined);
  return renderEdits(plan([], [desired], new Set([serviceKey(desired)])))
    .split("\n")
    .slice(0, -1);
}
