/**
 * The kernel's IPVS table as plain data: its model, reading what `ipvsadm --save -n` prints, the difference of two
 * tables as an ordered plan of edits, and that plan as input for `ipvsadm --restore`. Pure functions: nothing
 * here does I/O, and nothing of ours is imported.
 */
export { type FlowEnds, type TableConnection, tableConnection } from "./connection";
export { describeEdit, differences } from "./difference";
export { editedServices } from "./edited";
export { type GlanceDelta, glanceDelta } from "./glance";
export { type Limits, parseLimits, withLimits } from "./limits";
export type { Bucket, Candidate, Client, Lookup } from "./lookup";
export { MH_BUCKETS, mhChoice, mhLookup } from "./mh";
export {
  type Destination,
  type DestinationMethod,
  destinationKey,
  findService,
  type Service,
  type ServiceId,
  type ServiceProtocol,
  serviceKey,
  type Table,
  type Thresholds,
} from "./model";
export {
  type DestinationOptions,
  destinationExtra,
  readDestinationExtra,
  type ServiceOptions,
  serviceExtra,
} from "./options";
export { parseTable, TableSyntaxError } from "./parse";
export { type Edit, editedEntry, entryName, plan } from "./plan";
export {
  type ConnectionCount,
  hasConnections,
  isConnectionless,
  ProcfsSyntaxError,
  parseProcfs,
  withoutCounts,
} from "./procfs";
export { renderEdit, renderEdits, renderRemoval, renderTable } from "./render";
export { shChoice, shLookup } from "./sh";
export type { DestinationTraffic, ServiceTraffic, Traffic } from "./traffic";
export { parseTraffic } from "./traffic-text";
