import { addressBytes, FAMILIES } from "./address";
import { PROTOCOLS, type ServiceEntry } from "./entries";

/**
 * What /proc/net/ip_vs tells of each service (net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_info_seq_show), by what
 * {@link glanceKey} makes of it. Both families of a firewall mark share one text there.
 *
 * @param procfs without counts, see `withoutCounts`
 */
export function glancesOf(procfs: string): ReadonlyMap<string, string> {
  const glances = new Map<string, string>();
  for (const part of procfs.split(/\n(?! )/)) {
    const [, name, place] = /^(TCP|UDP|SCTP|FWM) +(\S+)/.exec(part) ?? [];
    if (name === undefined) continue;
    const key = `${name} ${place}`;
    glances.set(key, `${glances.get(key) ?? ""}${part}\n`);
  }
  return glances;
}

const NAMES = new Map<number, string>([
  [PROTOCOLS.tcp, "TCP"],
  [PROTOCOLS.udp, "UDP"],
  [PROTOCOLS.sctp, "SCTP"],
]);

/** By what {@link glancesOf} knows a service. */
export function glanceKey({ family, protocol, address, port, mark }: ServiceEntry): string {
  if (mark !== 0) return `FWM ${hex(mark, 8)}`;
  const bytes = addressBytes(address).toString("hex");
  const place =
    family === FAMILIES.ipv6 ? `[${bytes.replace(/(.{4})(?!$)/g, "$1:")}]` : bytes.slice(0, 8).toUpperCase();
  return `${NAMES.get(protocol)} ${place}:${hex(port, 4)}`;
}

/** Whether a service has tunnels: what kind they are stands nowhere in /proc/net/ip_vs. */
export function hasTunnels(glance: string): boolean {
  return / Tunnel /.test(glance);
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
