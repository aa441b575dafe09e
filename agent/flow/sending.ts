import { randomInt } from "node:crypto";
import type { FlowEnds, TableConnection } from "../../ipvs";
import type { Flow } from "./flow";
import { packetOf, type Segment } from "./segment";

/** What a director's kernel does with a connection, as far as it was asked. */
export interface Sent {
  /** The server that it took; null: none. Absent: it was not asked, see `because`. */
  readonly server?: string | null;
  /** Whether that is what was computed; absent: nothing was, or nothing was sent. */
  readonly agrees?: boolean;
  /** Why nothing was sent. */
  readonly because?: string;
}

/** The director that packets are sent on. */
export interface SendingPlace {
  /** `uname -r` */
  readonly release: string;
  /** Addresses that the director itself has. */
  readonly own: ReadonlySet<string>;
  /** Sends a packet that begins with its IP header. */
  readonly send: (packet: Buffer, to: string) => void;
  /** Looks into the kernel's connection table. */
  readonly find: (ends: FlowEnds) => Promise<TableConnection | undefined>;
}

/** The first kernel whose IPVS counts the time to live down, 4.10: an older one would pass the packet on to the server. */
const FIRST_KERNEL = [4, 10] as const;

/**
 * Asks the kernel by a packet for which server it takes: the first of a TCP connection, in the client's name, sent on the
 * director itself. IPVS takes a server for it and puts the connection into its table, which is read. The packet's time to live
 * ends there (docs/decisions/0028), so it reaches no server, and two more of its kind close the entry.
 *
 * @throws SystemError when a packet cannot be sent
 */
export async function sendFlow(flow: Flow, ends: FlowEnds, place: SendingPlace): Promise<Sent> {
  const because = hindrance(flow, place);
  if (because !== undefined) return { because };
  const known = await place.find(ends);
  if (known)
    return {
      server: known.server,
      because: `the client has this connection here already (${known.state})`,
    };
  const sequence = randomInt(2 ** 32);
  const send = (flag: Segment["flag"], at: number) =>
    place.send(packetOf({ ...ends, flag, sequence: at }), ends.place.address);
  send("syn", sequence);
  const found = await place.find(ends);
  if (found) {
    // A reset of a connection that has only begun is not heeded (tcp_states of the kernel's ip_vs_proto_tcp.c).
    send("ack", sequence + 1);
    send("rst", sequence + 1);
  }
  const server = found?.server ?? null;
  return { server, ...(flow.server !== undefined && { agrees: server === flow.server }) };
}

/** Why nothing may be sent; undefined: it may. */
function hindrance(
  { service, persistent, candidates }: Flow,
  { release, own }: SendingPlace,
): string | undefined {
  if (!service.startsWith("tcp ")) return "only a connection of tcp can be closed again";
  if (persistent) return "persistence would hold the client to the server that is taken now";
  const here = candidates.find(({ destination }) => own.has(addressIn(destination)));
  if (here) return `its server ${here.destination} is the director itself, which the packet would reach`;
  const [major = 0, minor = 0] = release.split(/[.-]/).map(Number);
  const isOld = major < FIRST_KERNEL[0] || (major === FIRST_KERNEL[0] && minor < FIRST_KERNEL[1]);
  return isOld ? `its kernel, ${release}, would pass the packet on: expected 4.10 or newer` : undefined;
}

/** Of `10.0.0.1:80` or `[2001:db8::1]:80`. */
function addressIn(destination: string): string {
  return destination.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
}
