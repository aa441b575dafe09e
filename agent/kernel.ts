import type { TableText } from "../director/data";
import type { ConnectionCount, Edit, Limits, ServiceTraffic } from "../ipvs";

/** The kernel's IPVS table, as its one writer sees it. */
export interface Kernel {
  /**
   * What it holds now.
   *
   * @throws KernelError
   */
  read(): Promise<TableText>;
  /**
   * Makes edits, in their order.
   *
   * @returns what was complained of; empty when nothing was. What really holds has to be read.
   */
  write(edits: readonly Edit[]): Promise<string>;
  /** Thresholds and the order in which servers entered: the table does not tell them. */
  limits(): Promise<Limits>;
  /**
   * What every service and destination carries, those that are nobody's included. May be asked while an edit is made.
   *
   * @throws KernelError
   */
  traffic(): Promise<readonly ServiceTraffic[]>;
  /** Connections of each destination; undefined where the kernel does not tell. */
  connections(): Promise<readonly ConnectionCount[] | undefined>;
}

/** The table cannot be read: no ipvsadm, no IPVS, no privilege. */
export class KernelError extends Error {
  constructor(reason: string) {
    super(`the IPVS table cannot be read (${reason}): is ipvsadm installed, and ip_vs loaded?`);
    this.name = "KernelError";
  }
}
