import { readFileSync } from "node:fs";
import { type ConnectionCount, parseProcfs } from "../ipvs";

const PROCFS = "/proc/net/ip_vs";

/**
 * What procfs tells of the table; undefined where it tells nothing. Read at once: the kernel gives a page at a time, and
 * a thread for each would cost more than all of them.
 */
export function readProcfs(): string | undefined {
  try {
    return readFileSync(PROCFS, "utf8");
  } catch {
    return undefined;
  }
}

/** Connections of each destination; undefined where procfs does not tell, or not as we know it. */
export function procfsConnections(): readonly ConnectionCount[] | undefined {
  const procfs = readProcfs();
  try {
    return procfs === undefined ? undefined : parseProcfs(procfs);
  } catch {
    return undefined;
  }
}
