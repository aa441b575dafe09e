import ipaddr from "ipaddr.js";
import {
  type Destination,
  destinationKey,
  type Service,
  type ServiceId,
  serviceKey,
  type Table,
} from "./model";

/**
 * How /proc/net/ip_vs tells a table, as lines that mean the same in any order: a service as its words, a destination as
 * those that name its service, then its own, without counts. Cheap to read and to compare, where ipvsadm asks the kernel
 * once for each service; but flags, engines, thresholds and tunnel types are not told.
 *
 *     TCP 0AC80000:0050 wrr
 *     TCP 0AC80000:0050 -> 0A640000:0050 Masq 1
 */
export interface GlanceDelta {
  /** Lines that are there before a change and not after it. */
  readonly gone: readonly string[];
  /** Lines that are there after it alone. */
  readonly come: readonly string[];
}

const NAMES = { tcp: "TCP", udp: "UDP", sctp: "SCTP", fwmark: "FWM" } as const;
/** As ip_vs_fwd_name in net/netfilter/ipvs/ip_vs_ctl.c. */
const METHODS = { nat: "Masq", dr: "Route", tun: "Tunnel" } as const;

/**
 * What a change of the services in `scope` looks like at a glance.
 *
 * @param desired the services in `scope` as they are in the end
 * @returns undefined when the change is one that procfs does not tell in full
 */
export function glanceDelta(
  known: Table,
  desired: Table,
  scope: ReadonlySet<string>,
): GlanceDelta | undefined {
  const [before, after] = [inScope(known, scope), inScope(desired, scope)];
  const [gone, come]: [string[], string[]] = [[], []];
  for (const key of scope) {
    const [was, is] = [before.get(key), after.get(key)];
    if (!isSettled(was, is)) return undefined;
    const [old, next] = [linesOf(was), linesOf(is)];
    gone.push(...[...old].filter((line) => !next.has(line)));
    come.push(...[...next].filter((line) => !old.has(line)));
  }
  return { gone, come };
}

/** A service's place as procfs writes it, and its lines. */
function linesOf(service: Service | undefined): ReadonlySet<string> {
  if (!service) return new Set();
  const place = placeOf(service);
  return new Set([
    `${place} ${service.scheduler}`,
    ...service.destinations.map((one) => `${place} -> ${destinationLine(one)}`),
  ]);
}

function destinationLine({ address, port, method, weight }: Destination): string {
  return `${socket(address, port)} ${METHODS[method]} ${weight}`;
}

function placeOf({ protocol, address, port }: ServiceId): string {
  // Of a mark in IPv6 the address is `7 -6`; procfs does not tell the family.
  if (protocol === "fwmark") return `FWM ${hex(Number(address.split(" ")[0]), 8)}`;
  return `${NAMES[protocol]} ${socket(address, port)}`;
}

/** IPv4 as eight hexadecimal digits, IPv6 in full and in brackets. */
function socket(address: string, port: number): string {
  const parsed = ipaddr.parse(address);
  const bytes = parsed.toByteArray().map((byte) => byte.toString(16).padStart(2, "0"));
  const text = bytes.join("");
  const place = parsed.kind() === "ipv4" ? text.toUpperCase() : `[${(text.match(/.{4}/g) ?? []).join(":")}]`;
  return `${place}:${hex(port, 4)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}

/** Whether all that differs between the two is told by procfs. */
function isSettled(was: Service | undefined, is: Service | undefined): boolean {
  const plain = (service: Service | undefined) => service === undefined || service.extra === "";
  const sameService = was?.extra === is?.extra && was?.scheduler === is?.scheduler;
  if (!sameService && !(plain(was) && plain(is))) return false;
  const [old, next] = [hiddenOf(was), hiddenOf(is)];
  return old.size === next.size && [...next].every((one) => old.has(one));
}

/** Destinations of which procfs does not tell everything. */
function hiddenOf(service: Service | undefined): ReadonlySet<string> {
  const hidden = (service?.destinations ?? []).filter(
    ({ method, extra }) => method === "tun" || extra !== "",
  );
  return new Set(hidden.map((one) => `${destinationKey(one)} ${one.method} ${one.weight} ${one.extra}`));
}

function inScope(table: Table, scope: ReadonlySet<string>): ReadonlyMap<string, Service> {
  const found = table.map((service) => [serviceKey(service), service] as const);
  return new Map(found.filter(([key]) => scope.has(key)));
}
