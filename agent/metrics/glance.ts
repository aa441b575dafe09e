import type { PlaneAnswer } from "../../director/data";
import type { Keeper } from "../keeper";
import type { MaintenanceState } from "../maintenance";
import type { Fault } from "../readiness";

/** All that one scrape tells, seen at one moment. */
export interface Glance {
  readonly view: Keeper["view"];
  readonly faults: readonly Fault[];
  readonly maintenance: MaintenanceState | undefined;
  /** As numbers; undefined: nothing was seen yet. */
  readonly digests:
    | { readonly registry: number; readonly table: number; readonly choice: number | undefined }
    | undefined;
  /** How the director stands to what it shares; undefined: it shares with nobody. */
  readonly plane: PlaneAnswer | undefined;
  /** Undefined: the kernel did not tell. */
  readonly connections: number | undefined;
  readonly buckets: number | undefined;
  /** Somebody else has removed or edited the file of what is declared. */
  readonly isRegistryTouched: boolean;
}
