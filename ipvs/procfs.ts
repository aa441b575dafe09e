import ipaddr from "ipaddr.js";
import { destinationKey, type ServiceProtocol, serviceKey } from "./model";

/** How many connections of one destination a director knows right now. */
export interface ConnectionCount {
  /** The service's identity, see `serviceKey`. Both families of one firewall mark look the same here: `fwmark 7`. */
  readonly service: string;
  /** `10.0.0.1:80` */
  readonly destination: string;
  readonly weight: number;
  /** Established ones. A udp flow is never counted here. */
  readonly active: number;
  /** All others the kernel still remembers: half open, closing, and every udp flow. */
  readonly inactive: number;
}

/** Text that /proc/net/ip_vs would not have held. */
export class ProcfsSyntaxError extends Error {
  override readonly name = "ProcfsSyntaxError";

  constructor(lineNumber: number, line: string, expected: string) {
    super(
      `line ${lineNumber} of /proc/net/ip_vs: expected ${expected}, found ${JSON.stringify(line.slice(0, 200))}`,
    );
  }
}

const PROTOCOLS: Readonly<Record<string, ServiceProtocol>> = {
  TCP: "tcp",
  UDP: "udp",
  SCTP: "sctp",
  FWM: "fwmark",
};
const DESTINATION = /^ {2}-> (\S+):([0-9A-F]{4}) +([A-Za-z]+) +(-?[0-9]+) +([0-9]+) +([0-9]+) *$/;
const SERVICE = /^(TCP|UDP|SCTP) {1,2}(\S+):([0-9A-F]{4}) /;
const MARK = /^FWM {2}([0-9A-F]{8}) /;
/** Version, and the heads of the two kinds of lines. */
const HEAD_LINES = 3;

/**
 * The text of /proc/net/ip_vs without connection counts: the same for as long as services, destinations, weights, methods,
 * schedulers and persistence are.
 */
export function withoutCounts(text: string): string {
  return text.replace(/^( {2}-> \S+ +[A-Za-z]+ +-?[0-9]+) .*$/gm, "$1");
}

/**
 * Reads /proc/net/ip_vs (net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_info_seq_show): cheap, with live counts, but without
 * flags, engines, thresholds and tunnel types, so it is no source for a table.
 *
 * @returns one entry for each destination
 * @throws ProcfsSyntaxError
 */
export function parseProcfs(text: string): ConnectionCount[] {
  const counts: ConnectionCount[] = [];
  let service: string | undefined;
  text.split("\n").forEach((line, index) => {
    if (index < HEAD_LINES || line === "") return;
    if (!line.startsWith("  ->")) {
      service = serviceOf(line);
      if (service === undefined) throw new ProcfsSyntaxError(index + 1, line, "a service");
      return;
    }
    const [, address = "", port = "", , weight, active, inactive] = DESTINATION.exec(line) ?? [];
    const readable = readAddress(address);
    if (service === undefined || readable === undefined)
      throw new ProcfsSyntaxError(index + 1, line, "a destination");
    const destination = destinationKey({ address: readable, port: Number.parseInt(port, 16) });
    counts.push({
      service,
      destination,
      weight: Number(weight),
      active: Number(active),
      inactive: Number(inactive),
    });
  });
  return counts;
}

/**
 * Whether a destination of a service has connections.
 *
 * @param service as `serviceKey` writes it
 * @param all those that are not established, too: a flow of udp never is
 */
export function hasConnections(
  counts: readonly ConnectionCount[],
  service: string,
  destination: string,
  all: boolean,
): boolean {
  return counts.some((one) => {
    // Both families of a firewall mark look the same in the kernel's list.
    const isSame = one.service === service || service === `${one.service} -6`;
    return isSame && one.destination === destination && one.active + (all ? one.inactive : 0) > 0;
  });
}

/** Whether only what the kernel remembers at all tells that a service is in use. */
export function isConnectionless(service: string): boolean {
  return !/^(tcp|sctp) /.test(service);
}

function serviceOf(line: string): string | undefined {
  const mark = MARK.exec(line)?.[1];
  if (mark !== undefined) {
    return serviceKey({ protocol: "fwmark", address: String(Number.parseInt(mark, 16)), port: 0 });
  }
  const [, name = "", text = "", port = ""] = SERVICE.exec(line) ?? [];
  const [protocol, address] = [PROTOCOLS[name], readAddress(text)];
  if (protocol === undefined || address === undefined) return undefined;
  return serviceKey({ protocol, address, port: Number.parseInt(port, 16) });
}

/** Addresses stand there as eight hexadecimal digits (IPv4), or in full and in brackets (IPv6). */
function readAddress(text: string): string | undefined {
  if (/^[0-9A-F]{8}$/.test(text)) {
    return [0, 2, 4, 6].map((at) => Number.parseInt(text.slice(at, at + 2), 16)).join(".");
  }
  const [, groups] = /^\[((?:[0-9a-f]{4}:){7}[0-9a-f]{4})\]$/.exec(text) ?? [];
  return groups === undefined ? undefined : ipaddr.IPv6.parse(groups).toRFC5952String();
}
