import { type Bucket, type Candidate, type Client, folded, type Lookup, taken } from "./lookup";

/** CONFIG_IP_VS_SH_TAB_BITS: 8, its default and that of distributions. */
const BITS = 8;
const SH_BUCKETS = 1 << BITS;
/** GOLDEN_RATIO_32 of include/linux/hash.h. */
const GOLDEN_RATIO = 0x61c8_8647;

/**
 * The table of the scheduler sh (net/netfilter/ipvs/ip_vs_sh.c): destinations in turn, each with as many buckets as its weight; one
 * of weight 0 still has one.
 */
export function shLookup(candidates: readonly Candidate[]): Lookup {
  if (candidates.length === 0) return [];
  const lookup: number[] = [];
  for (let index = 0; ; index = (index + 1) % candidates.length) {
    const buckets = Math.max(1, candidates[index]?.weight ?? 0);
    for (let bucket = 0; bucket < buckets; bucket++) {
      lookup.push(index);
      if (lookup.length === SH_BUCKETS) return lookup;
    }
  }
}

/** Which destination a client gets. */
export function shChoice(
  lookup: Lookup,
  candidates: readonly Candidate[],
  client: Client,
  hasFallback: boolean,
): Bucket {
  const hash = Math.imul(folded(client), GOLDEN_RATIO) >>> (32 - BITS);
  return taken(lookup, candidates, hasFallback, (offset) => (hash + offset) & (SH_BUCKETS - 1));
}
