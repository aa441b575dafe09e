import { type Candidate, findService, type Limits, type Service, serviceKey, type Table } from "../../ipvs";
import { canonicalAddress, endpoint } from "../../spec";
import type { Keeper } from "../keeper";
import { registrations } from "../probes";
import { candidatesOf } from "./candidates";
import { choiceOf, isPersistent } from "./choice";

/** Which server one flow gets on this director. */
export interface Flow {
  /** `tcp 192.0.2.1:80` */
  readonly service: string;
  readonly scheduler: string;
  /** The server; null: the connection would be refused. Absent: it depends on the moment, see `candidates`. */
  readonly server?: string | null;
  /** The bucket of the lookup table that decides. */
  readonly bucket?: number;
  readonly buckets?: number;
  /** The flow's own bucket belongs to this server, which takes no connections. */
  readonly instead?: string;
  /** Whether the client's port counts: without it, all flows of an address get one server. */
  readonly hashesPort?: boolean;
  /** A client that has been here before goes where it went, for a while. */
  readonly persistent: boolean;
  /** All that could be chosen, in the kernel's order. */
  readonly candidates: readonly Pick<Candidate, "destination" | "weight">[];
}

/** `10.0.0.1:80` or `[2001:db8::1]:80`, read. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** What is asked of a flow. */
export interface FlowQuestion {
  readonly client: Endpoint;
  /** Where the client connects to. */
  readonly place: Endpoint;
  /** Absent: every protocol that has this address and port. */
  readonly protocol?: string | undefined;
}

/** Reads an address with its port; undefined: it is none. */
export function endpointOf(text: string): Endpoint | undefined {
  const [, v6, v4, digits] = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = canonicalAddress(v6 ?? v4 ?? "");
  const port = Number(digits);
  return address === undefined || port > 65_535 ? undefined : { address, port };
}

/**
 * Where a flow goes, worked out from the table that the kernel holds; nothing is sent. Connections that are there already
 * go on to the server that they have, and are not looked at.
 */
export function flowsOf(
  view: Pick<Keeper["view"], "pools" | "seen">,
  order: Limits,
  { client, place, protocol }: FlowQuestion,
): Flow[] {
  const all = registrations(view.pools.registry);
  return servicesAt(view.seen, place, protocol).map((service): Flow => {
    const key = serviceKey(service);
    const candidates = candidatesOf(service, all.get(key), order);
    const choice = choiceOf(service, candidates);
    const found = choice?.choose(client);
    return {
      service: key,
      scheduler: service.scheduler,
      persistent: isPersistent(service),
      ...(choice && { hashesPort: choice.hashesPort, buckets: choice.lookup.length }),
      ...(found && { server: found.destination ?? null, bucket: found.bucket }),
      ...(found?.instead !== undefined && { instead: found.instead }),
      candidates: candidates.map(({ destination, weight }) => ({ destination, weight })),
    };
  });
}

function servicesAt(table: Table, { address, port }: Endpoint, protocol: string | undefined): Service[] {
  const protocols = protocol === undefined ? ["tcp", "udp", "sctp"] : [protocol];
  return protocols.flatMap((one) => findService(table, `${one} ${endpoint(address, port)}`) ?? []);
}
