/**
 * The daemon on a director: the one owner of its IPVS table. Keeps what is declared and the health of the servers in the
 * kernel between changes, takes changes from the provider over a unix socket, and tells what it does and why. Runs from
 * one bundled file (setup/bundle.ts); nothing imports it but that bundle and tests. The provider speaks to it through
 * `director/`.
 */
export { type AgentOptions, runAgent } from "./daemon";
export type { Explanation } from "./explanation";
export type { HealthRecord } from "./health-record";
export { type Journal, JournalError } from "./journal";
export { Keeper, type KeeperParts } from "./keeper";
export { NotDurableError } from "./keeper/not-durable-error";
export { RegistryError } from "./registry-file";
export type { ServerStatus, ServiceStatus, Status } from "./status";
export { FileStore, type Store, type Stored } from "./store";
