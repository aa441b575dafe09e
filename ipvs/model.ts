/** What selects a packet for a service: its transport and destination, or a firewall mark. */
export type ServiceProtocol = "tcp" | "udp" | "sctp" | "fwmark";

/** How a packet reaches a destination: IP_VS_CONN_F_MASQ, _DROUTE and _TUNNEL of the kernel. */
export type DestinationMethod = "nat" | "dr" | "tun";

/** The identity of a service. For a firewall mark, `address` is the mark in decimal (with ` -6` for IPv6), `port` 0. */
export interface ServiceId {
  readonly protocol: ServiceProtocol;
  readonly address: string;
  readonly port: number;
}

/** How many connections a destination may have; 0: no limit of that kind. */
export interface Thresholds {
  readonly upper: number;
  readonly lower: number;
}

/** One destination (real server) of a service, without counters. */
export interface Destination {
  readonly address: string;
  readonly port: number;
  readonly method: DestinationMethod;
  /** 0 takes no new connections. */
  readonly weight: number;
  /** Every other option that `ipvsadm --save` tells, as it writes it (`--tun-type gre`); empty for the defaults. */
  readonly extra: string;
  /** `ipvsadm --save` does not tell them: absent where nobody else did either, which counts as none. */
  readonly thresholds?: Thresholds | undefined;
  /**
   * The weight it last had that was not 0, of a destination at weight 0 that is to be added as others hold it: the
   * scheduler mh goes on building its table from it (ip_vs_mh.c, last_weight).
   */
  readonly lastWeight?: number | undefined;
}

/** One service (virtual server) of a table. */
export interface Service extends ServiceId {
  readonly scheduler: string;
  /** Every other option, as ipvsadm writes it (`-p 300 -M 255.255.255.0`); empty for the defaults. */
  readonly extra: string;
  readonly destinations: readonly Destination[];
}

/** The IPVS state of one director, as data. At most one service of an identity, in the order it was read. */
export type Table = readonly Service[];

/**
 * A service's identity as one text.
 *
 * @example serviceKey({ protocol: "tcp", address: "2001:db8::1", port: 80 }) // "tcp [2001:db8::1]:80"
 */
export function serviceKey(id: ServiceId): string {
  const known = serviceKeys.get(id);
  if (known !== undefined) return known;
  const key =
    id.protocol === "fwmark" ? `fwmark ${id.address}` : `${id.protocol} ${socket(id.address, id.port)}`;
  serviceKeys.set(id, key);
  return key;
}

/** Tables of thousands are searched for each change: an identity is never written twice. */
const serviceKeys = new WeakMap<ServiceId, string>();

/** A destination's identity inside its service: `10.0.0.1:80`. */
export function destinationKey(destination: Pick<Destination, "address" | "port">): string {
  return socket(destination.address, destination.port);
}

/** Services of large tables by their keys. A table is never changed once it is made. */
const indexes = new WeakMap<Table, ReadonlyMap<string, Service>>();
/** A table that is not larger is looked through. */
const SMALL = 8;

/** The service of an identity, if the table has it. */
export function findService(table: Table, key: string): Service | undefined {
  if (table.length <= SMALL) return table.find((service) => serviceKey(service) === key);
  let index = indexes.get(table);
  if (!index) {
    // Of equal keys the first counts: the last one put in.
    index = new Map([...table].reverse().map((service) => [serviceKey(service), service]));
    indexes.set(table, index);
  }
  return index.get(key);
}

function socket(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
