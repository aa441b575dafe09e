/**
 * The lab: a whole site on one machine. Directors with IPVS that are reached by SSH, real servers, a switch that
 * spreads the virtual addresses over the directors by ECMP, and a client. Where this kernel has no IPVS the very same
 * site runs inside one user-mode Linux guest. Examples, tests and `heye lab` use it; nothing that is shipped does.
 */
export * from "./errors";
export type { LabFaults, ServiceName } from "./faults";
export type { Impairment, Network } from "./impairment";
export type { DirectorEntry, Inventory, MysqlEntry, ServerEntry } from "./inventory";
export type { Mode } from "./keeper/config";
export { type ExecResult, Lab } from "./lab";
export type { TrafficHandle, TrafficOptions } from "./traffic";
export type { LabOptions } from "./up";
export type { ActiveFault } from "./world/fault-list";
export type { HangStage } from "./world/sshd";
export type { TrafficProgress, TrafficReport } from "./world/traffic";
export type { WorldStatus } from "./world/verbs";
export type { Counts } from "./world/web";
