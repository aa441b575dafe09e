import type { Rates } from "./rates";

const COLUMNS = ["conn/s", "active", "inactive", "pkt/s in", "out", "B/s in", "out"] as const;
const WIDTH = 9;

/**
 * Rates as a table for people: virtual servers by what they carry, the busiest first, each followed by its servers in the
 * same order.
 *
 * @param title the first line: whose they are, and as of when
 * @param rows lines at most, those of servers of less busy virtual servers being left out first; undefined: all
 */
export function topText(title: string, rates: readonly Rates[], rows?: number): string {
  const services = rates.filter(({ server }) => server === undefined).sort(busiest);
  const shown = services.flatMap((service) => {
    const pool = rates.filter((one) => one.server !== undefined && one.service === service.service);
    return [line(service.service, service), ...pool.sort(busiest).map((one) => line(`  ${one.server}`, one))];
  });
  const kept = rows === undefined ? shown : shown.slice(0, Math.max(1, rows - 3));
  const left = shown.length - kept.length;
  const head = "".padEnd(46) + COLUMNS.map((one) => one.padStart(WIDTH)).join("");
  return [title, head, ...kept, ...(left > 0 ? [`... and ${left} more`] : []), ""].join("\n");
}

function busiest(a: Rates, b: Rates): number {
  return (
    b.connections - a.connections ||
    b.bytesIn - a.bytesIn ||
    b.active - a.active ||
    (a.server ?? a.service).localeCompare(b.server ?? b.service)
  );
}

function line(name: string, one: Rates): string {
  const words = [
    ...[one.connections, one.active, one.inactive, one.packetsIn, one.packetsOut].map(short),
    ...[one.bytesIn, one.bytesOut].map(short),
  ];
  return `${name.padEnd(46)}${words.map((word) => word.padStart(WIDTH)).join("")}`;
}

const UNITS = ["", "k", "M", "G", "T"];

/** Three digits that matter, and a thousand's name. */
export function short(value: number): string {
  let [rest, unit] = [value, 0];
  while (rest >= 999.5 && unit < UNITS.length - 1) [rest, unit] = [rest / 1000, unit + 1];
  const digits = rest === 0 || rest >= 100 || (unit === 0 && Number.isInteger(rest)) ? 0 : rest >= 10 ? 1 : 2;
  return `${rest.toFixed(digits)}${UNITS[unit]}`;
}
