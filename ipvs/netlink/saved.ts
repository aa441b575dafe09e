import { FAMILIES } from "./address";
import {
  type DestinationEntry,
  METHOD_MASK,
  METHODS,
  PROTOCOLS,
  SERVICE_FLAGS,
  type ServiceEntry,
  TUNNEL_FLAGS,
  TUNNEL_TYPES,
} from "./entries";
import { schedulerFlags } from "./scheduler-flags";

/**
 * A service with its destinations in the very words of `ipvsadm --save -n` (1.30 and later: ipvsadm.c,
 * print_service_entry with FMT_RULE), one line each without its end. What digests of tables are made of.
 */
export function savedLines(service: ServiceEntry, destinations: readonly DestinationEntry[]): string[] {
  const selector = selectorOf(service);
  return [
    serviceLine(selector, service),
    ...destinations.map((destination) => destinationLine(selector, destination)),
  ];
}

function selectorOf({ family, protocol, address, port, mark }: ServiceEntry): string {
  // Signed there; see `parseTable`.
  if (mark !== 0) return `-f ${mark | 0}${family === FAMILIES.ipv6 ? " -6" : ""}`;
  const option = protocol === PROTOCOLS.tcp ? "-t" : protocol === PROTOCOLS.udp ? "-u" : "--sctp-service";
  return `${option} ${socket(family, address, port)}`;
}

function socket(family: number, address: string, port: number): string {
  return family === FAMILIES.ipv6 ? `[${address}]:${port}` : `${address}:${port}`;
}

function serviceLine(
  selector: string,
  { family, scheduler, flags, timeoutS, netmask, engine }: ServiceEntry,
): string {
  let line = `-A ${selector} -s ${scheduler}`;
  if (flags & SERVICE_FLAGS.persistent) {
    line += ` -p ${timeoutS}`;
    if (family === FAMILIES.ipv6) line += netmask === 128 ? "" : ` -M ${netmask | 0}`;
    else if (netmask !== 0xffff_ffff) line += ` -M ${maskText(netmask)}`;
    if (engine !== "") line += ` --pe ${engine}`;
  }
  if (flags & SERVICE_FLAGS.onePacket) line += " -o";
  return `${line}${schedulerFlags(scheduler, flags)}`;
}

function maskText(netmask: number): string {
  return [0, 8, 16, 24].map((shift) => (netmask >>> shift) & 0xff).join(".");
}

function destinationLine(selector: string, entry: DestinationEntry): string {
  const { family, address, port, weight } = entry;
  const method = entry.method & METHOD_MASK;
  const line = `-a ${selector} -r ${socket(family, address, port)}`;
  if (method === METHODS.nat) return `${line} -m -w ${weight}`;
  return method === METHODS.tun ? `${line} -i -w ${weight}${tunnelWords(entry)}` : `${line} -g -w ${weight}`;
}

function tunnelWords({ tunnelType, tunnelPort, tunnelFlags }: DestinationEntry): string {
  const type = ` --tun-type ${TUNNEL_TYPES[tunnelType] ?? tunnelType}`;
  if (tunnelType === 0) return type;
  const port = tunnelType === 1 ? ` --tun-port ${tunnelPort}` : "";
  return `${type}${port} ${CHECKSUM_OPTIONS[tunnelFlags] ?? CHECKSUM_OPTIONS[TUNNEL_FLAGS.none]}`;
}

/** By {@link TUNNEL_FLAGS}. */
const CHECKSUM_OPTIONS: readonly string[] = ["--tun-nocsum", "--tun-csum", "--tun-remcsum"];
