import ipaddr from "ipaddr.js";

/** A destination as a hashing scheduler sees it, in the kernel's order. */
export interface Candidate {
  /** `10.0.0.1:80` */
  readonly destination: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  /** The weight it last had that was not 0; 0: it never had one. */
  readonly lastWeight: number;
}

/** The first table of a hashing scheduler: which candidate, by its index, each bucket belongs to. Empty: no bucket does. */
export type Lookup = readonly number[];

/** Where a flow falls. */
export interface Bucket {
  readonly bucket: number;
  /** Undefined: the connection is refused. */
  readonly destination: string | undefined;
  /** The bucket belongs to this one, which takes no connections: another one was looked for. Absent: it takes them. */
  readonly instead?: string;
}

/** A client, as schedulers hash it: the address, and the port where the service's flags say so. */
export interface Client {
  readonly address: string;
  /** 0: the port does not count. */
  readonly port: number;
}

/**
 * What is hashed of an address and a port: their sum, as a 32-bit number. IPv6 addresses are folded first
 * (ip_vs_mh_hashkey and ip_vs_sh_hashkey of the kernel).
 */
export function folded({ address, port }: Client): number {
  const bytes = ipaddr.parse(address).toByteArray();
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 4)
    sum ^= bytes.slice(at, at + 4).reduce((word, byte) => ((word << 8) | byte) >>> 0, 0);
  return ((sum >>> 0) + port) >>> 0;
}

/**
 * Takes the candidate of a bucket, or looks on from there as the kernel's fallback does.
 *
 * @param bucketAt the bucket at an offset; 0 is the flow's own
 */
export function taken(
  lookup: Lookup,
  candidates: readonly Candidate[],
  hasFallback: boolean,
  bucketAt: (offset: number) => number,
): Bucket {
  const own = bucketAt(0);
  const at = (bucket: number) => candidates[lookup[bucket] ?? -1];
  const first = at(own);
  if (!first || first.weight > 0) return { bucket: own, destination: first?.destination };
  const refused = { bucket: own, destination: undefined, instead: first.destination };
  if (!hasFallback) return refused;
  for (let offset = 0; offset < lookup.length; offset++) {
    const bucket = bucketAt((offset + own) % lookup.length);
    const found = at(bucket);
    if (found && found.weight > 0)
      return { bucket, destination: found.destination, instead: first.destination };
  }
  return refused;
}
