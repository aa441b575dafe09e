import { closeSync, openSync, readSync } from "node:fs";

/** How much is read of the file: its first line is shorter, and the rest of it costs the kernel more. */
const FIRST_LINE_BYTES = 80;

/**
 * Buckets of the kernel's connection table, which all virtual servers share (conn_tab_bits of the module ip_vs).
 *
 * @returns undefined where the kernel does not tell
 */
export function connectionTableBuckets(procfs = "/proc/net/ip_vs"): number | undefined {
  try {
    const file = openSync(procfs, "r");
    try {
      const line = Buffer.alloc(FIRST_LINE_BYTES);
      const length = readSync(file, line, 0, FIRST_LINE_BYTES, 0);
      return bucketsOf(line.toString("latin1", 0, length));
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/** From the first line of /proc/net/ip_vs (net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_info_seq_show). */
export function bucketsOf(line: string): number | undefined {
  const [, size] = /^IP Virtual Server version \S+ \(size=(\d+)\)/.exec(line) ?? [];
  return size === undefined ? undefined : Number(size);
}
