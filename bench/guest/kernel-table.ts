import { closeSync, openSync, readFileSync, readSync } from "node:fs";

const FILE = "/proc/net/ip_vs";

/** How often programs look at the table that wait for a change of it: shorter differences they cannot tell. */
export const TABLE_POLL_MS = 5;

/** A real server in the kernel's table. */
export interface Entry {
  /** `10.100.0.1:80` */
  readonly server: string;
  readonly weight: number;
}

/** A virtual server in the kernel's table, `10.200.0.1:80`, with its servers. */
export interface EntryGroup {
  readonly service: string;
  readonly entries: readonly Entry[];
}

/** The whole table, in the kernel's order. */
export function readTable(): EntryGroup[] {
  return parseProcTable(readFileSync(FILE, "utf8"));
}

/** How many real servers the table has. */
export function countServers(): number {
  return readFileSync(FILE, "utf8").split("\n  -> ").length - 2;
}

/** How many of them are sent new connections: those with a weight. */
export function countTakers(text: string = readFileSync(FILE, "latin1")): number {
  return text.match(/^ {2}-> \S+ +\S+ +[1-9]/gm)?.length ?? 0;
}

/** The table's beginning, in one read of one page: what it costs does not grow with the table. */
export function readBeginning(): EntryGroup[] {
  const file = openSync(FILE, "r");
  try {
    const page = Buffer.alloc(64 * 1024);
    const text = page.toString("latin1", 0, readSync(file, page));
    return parseProcTable(text.slice(0, text.lastIndexOf("\n") + 1));
  } finally {
    closeSync(file);
  }
}

/** Reads what /proc/net/ip_vs says of IPv4; see net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_info_seq_show. */
export function parseProcTable(text: string): EntryGroup[] {
  const groups: { service: string; entries: Entry[] }[] = [];
  // The first three lines are headings.
  for (const line of text.split("\n").slice(3)) {
    const [first = "", second = "", , weight = ""] = line.trim().split(/\s+/);
    if (first === "->") groups.at(-1)?.entries.push({ server: place(second), weight: Number(weight) });
    else if (first !== "") groups.push({ service: place(second), entries: [] });
  }
  return groups;
}

/** `0A640001:0050` as `10.100.0.1:80`. */
function place(hex: string): string {
  const [address = "", port = ""] = hex.split(":");
  const bytes = [0, 2, 4, 6].map((at) => Number.parseInt(address.slice(at, at + 2), 16));
  return `${bytes.join(".")}:${Number.parseInt(port, 16)}`;
}
