import type { Traffic } from "../traffic";
import { eachAttribute, readUnsigned } from "./attributes";

/** Of IPVS_STATS_ATTR_, whether in 64 bits or, as before Linux 4.1, partly in 32. */
const FIELDS: readonly (keyof Traffic | undefined)[] = [
  ...([undefined, "connections", "packetsIn", "packetsOut", "bytesIn", "bytesOut"] as const),
];

/** Types of the attributes that have an entry's counters, in 64 bits or not. */
export interface CounterTypes {
  readonly counters: number;
  readonly counters64: number;
}

/** The counters among an entry's attributes. It tells rates too, which follow from looking twice. */
export function readTraffic(entry: Buffer, types: CounterTypes): Traffic {
  const traffic = { connections: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 };
  const read = (type: number, from: number, to: number) => {
    const field = FIELDS[type];
    if (field) traffic[field] = readUnsigned(entry, from, to);
  };
  eachAttribute(entry, 0, entry.length, (type, from, to) => {
    // The wider ones come last.
    if (type === types.counters || type === types.counters64) eachAttribute(entry, from, to, read);
  });
  return traffic;
}
