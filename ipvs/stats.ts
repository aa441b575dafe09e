import { serviceKey } from "./model";

/** Connections that a director has given to one destination since the destination was added. */
export interface DestinationCount {
  /** The service's identity, see `serviceKey`. */
  readonly service: string;
  /** `10.0.0.1:80` */
  readonly destination: string;
  readonly connections: number;
}

const PROTOCOLS = { TCP: "tcp", UDP: "udp", SCTP: "sctp", FWM: "fwmark" } as const;

/**
 * Reads what `ipvsadm --list -n --stats --exact` prints. Kernels sum these counters up every two seconds: a reader that
 * waits for a number asks again. A destination that is added again within two minutes brings its old counters along
 * (the kernel's destination trash, net/netfilter/ipvs/ip_vs_ctl.c). Lines it does not know (headings) are passed over.
 */
export function parseStats(text: string): DestinationCount[] {
  const counts: DestinationCount[] = [];
  let service = "";
  for (const line of text.split("\n")) {
    const [first = "", second = "", third = ""] = line.trim().split(/\s+/);
    if (Object.hasOwn(PROTOCOLS, first)) service = keyOf(PROTOCOLS[first as keyof typeof PROTOCOLS], second);
    else if (first === "->" && /^\d+$/.test(third)) {
      counts.push({ service, destination: second, connections: Number(third) });
    }
  }
  return counts;
}

function keyOf(protocol: (typeof PROTOCOLS)[keyof typeof PROTOCOLS], place: string): string {
  if (protocol === "fwmark") return serviceKey({ protocol, address: String(Number(place) >>> 0), port: 0 });
  const colon = place.lastIndexOf(":");
  const address = place.slice(0, colon).replace(/^\[|\]$/g, "");
  return serviceKey({ protocol, address, port: Number(place.slice(colon + 1)) });
}
