import { listedService } from "./listed";
import { destinationKey, type Service, serviceKey, type Table, type Thresholds } from "./model";

/** What `ipvsadm --save` keeps to itself: thresholds, and the kernel's own order. By service, then by destination. */
export type Limits = ReadonlyMap<string, ReadonlyMap<string, Thresholds>>;

const DESTINATION =
  /^ {2}-> +(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]+) +([0-9]+) +([0-9]+) +[0-9]+ +[0-9]+ *$/;
const HEAD_LINES = 3;

/**
 * Reads what `ipvsadm --list -n --thresholds --nosort` prints (ipvsadm.c, print_service_entry with FMT_THRESHOLDS). Lines
 * that are neither a service nor a destination are passed over: a long address breaks the table's columns, never its
 * lines.
 */
export function parseLimits(text: string): Limits {
  const limits = new Map<string, Map<string, Thresholds>>();
  let current: Map<string, Thresholds> | undefined;
  for (const line of text.split("\n").slice(HEAD_LINES)) {
    const destination = DESTINATION.exec(line);
    if (destination) {
      const [, v6, v4, port, upper, lower] = destination;
      const key = destinationKey({ address: v6 ?? v4 ?? "", port: Number(port) });
      current?.set(key, { upper: Number(upper), lower: Number(lower) });
      continue;
    }
    const service = listedService(line);
    if (service === undefined) continue;
    current = new Map();
    limits.set(service, current);
  }
  return limits;
}

/** The table with the thresholds in it, as far as they are told. */
export function withLimits(table: Table, limits: Limits): Table {
  if (limits.size === 0) return table;
  return table.map((service): Service => {
    const found = limits.get(serviceKey(service));
    if (!found) return service;
    const destinations = service.destinations.map((one) => {
      const thresholds = found.get(destinationKey(one));
      return thresholds ? { ...one, thresholds } : one;
    });
    return { ...service, destinations };
  });
}
