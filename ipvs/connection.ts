import ipaddr from "ipaddr.js";
import { destinationKey } from "./model";

/** A client's TCP connection to a virtual server, by both ends. */
export interface FlowEnds {
  readonly client: { readonly address: string; readonly port: number };
  readonly place: { readonly address: string; readonly port: number };
}

/** What the kernel's connection table knows of a connection. */
export interface TableConnection {
  /** The server that has it: `10.0.0.1:80`. */
  readonly server: string;
  /** `SYN_RECV`, `ESTABLISHED` ... */
  readonly state: string;
}

/**
 * A connection as a line of /proc/net/ip_vs_conn tells it (net/netfilter/ipvs/ip_vs_conn.c, ip_vs_conn_seq_show).
 *
 * @returns undefined: the line is of another one, or not as we know them
 */
export function tableConnection(line: string, { client, place }: FlowEnds): TableConnection | undefined {
  const [protocol, from, fromPort, to, toPort, server = "", serverPort = "", state] = line.split(/ +/);
  const isIt =
    protocol === "TCP" &&
    from === hexAddress(client.address) &&
    fromPort === hexPort(client.port) &&
    to === hexAddress(place.address) &&
    toPort === hexPort(place.port);
  const address = readHexAddress(server);
  if (!isIt || state === undefined || address === undefined) return undefined;
  return { server: destinationKey({ address, port: Number.parseInt(serverPort, 16) }), state };
}

function hexPort(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, "0");
}

/** IPv4: eight digits; IPv6: all eight groups, in full. */
function hexAddress(address: string): string {
  const bytes = ipaddr.parse(address).toByteArray();
  const digits = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return bytes.length === 4 ? digits.toUpperCase() : (digits.match(/.{4}/g) ?? []).join(":");
}

function readHexAddress(text: string): string | undefined {
  if (/^[0-9A-F]{8}$/.test(text))
    return [0, 2, 4, 6].map((at) => Number.parseInt(text.slice(at, at + 2), 16)).join(".");
  return /^([0-9a-f]{4}:){7}[0-9a-f]{4}$/.test(text) ? ipaddr.IPv6.parse(text).toRFC5952String() : undefined;
}
