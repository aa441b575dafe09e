import { type Bucket, type Candidate, type Client, folded, type Lookup, taken } from "./lookup";
import { hsiphash } from "./siphash";

/** Buckets of a kernel that is built with CONFIG_IP_VS_MH_TAB_INDEX=12, its default and that of distributions. */
export const MH_BUCKETS = 4_093;
/** Half of that index: more bits of a weight are shifted away. */
const WEIGHT_BITS = 6;
/** Both keys are fixed: the same on all directors (ip_vs_mh.c, generate_hash_secret). */
const FIRST: readonly [bigint, bigint] = [2_654_435_761n, 2_654_435_761n];
const SECOND: readonly [bigint, bigint] = [2_654_446_892n, 2_654_446_892n];

/**
 * The table of the scheduler mh (net/netfilter/ipvs/ip_vs_mh.c): each destination asks for its buckets in an order of its own, and
 * takes as many turns at a time as its share of the weights. The weights are the last ones that were not 0.
 */
export function mhLookup(candidates: readonly Candidate[]): Lookup {
  const weights = candidates.map(({ lastWeight }) => lastWeight);
  const divisor = weights.reduce(greatestDivisor, 0);
  if (divisor < 1) return [];
  const shift = Math.max(0, bitsOf(Math.floor(Math.max(...weights) / divisor)) - WEIGHT_BITS);
  const askers = candidates.map((one) => ({
    place: bucketOf(one, FIRST, 0, MH_BUCKETS),
    skip: bucketOf(one, SECOND, 0, MH_BUCKETS - 1) + 1,
    turns: Math.floor(one.lastWeight / divisor) >> shift || (one.lastWeight > 0 ? 1 : 0),
  }));
  const lookup = new Array<number>(MH_BUCKETS).fill(-1);
  for (let left = MH_BUCKETS; ; )
    for (const [index, asker] of askers.entries())
      for (let turn = 0; turn < asker.turns; turn++) {
        while (lookup[asker.place] !== -1) asker.place = (asker.place + asker.skip) % MH_BUCKETS;
        lookup[asker.place] = index;
        if (--left === 0) return lookup;
      }
}

/** Which destination a client gets. */
export function mhChoice(
  lookup: Lookup,
  candidates: readonly Candidate[],
  client: Client,
  hasFallback: boolean,
): Bucket {
  return taken(lookup, candidates, hasFallback, (offset) => bucketOf(client, FIRST, offset, MH_BUCKETS));
}

function bucketOf(client: Client, key: readonly [bigint, bigint], offset: number, buckets: number): number {
  return hsiphash((folded(client) + offset) >>> 0, key) % buckets;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/** The place of the highest bit that is set, from 1 on. */
function bitsOf(value: number): number {
  return 32 - Math.clz32(value);
}
