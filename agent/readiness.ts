import type { Keeper } from "./keeper";
import type { MaintenanceState } from "./maintenance";

/** What can be wrong with this director itself. */
export const FAULTS = ["maintenance", "unreadable", "no table"] as const;

/** One reason to send this director nothing. */
export interface Fault {
  readonly fault: (typeof FAULTS)[number];
  /** For people. */
  readonly detail: string;
}

/**
 * Why this director should be left out; empty: it should not. Only what is certain, and is its own, counts: an agent that does not
 * know something, that is old, or that has lost others lets packets go on as they do.
 *
 * @param view undefined: the agent is starting, and has not looked yet
 */
export function faultsOf(
  view: Keeper["view"] | undefined,
  maintenance: MaintenanceState | undefined,
): Fault[] {
  const faults: Fault[] = [];
  if (maintenance)
    faults.push({ fault: "maintenance", detail: maintenance.reason || "an operator asked for it" });
  if (view?.isUnreadable)
    faults.push({ fault: "unreadable", detail: view.trouble ?? "the kernel does not tell its table" });
  else if (view?.isBare)
    faults.push({
      fault: "no table",
      detail: "virtual servers are declared, and the kernel holds none of them",
    });
  return faults;
}

/** Faults in one sentence; undefined: there are none. */
export function unreadyText(faults: readonly Fault[]): string | undefined {
  return faults.length === 0
    ? undefined
    : faults.map(({ fault, detail }) => `${fault}: ${detail}`).join("; ");
}
