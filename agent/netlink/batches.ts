import type { Body } from "../../ipvs/netlink";

/** Some 300 edits: the kernel makes them in a few milliseconds, and nothing else is done here meanwhile. */
const BYTES_MAX = 48_000;
/** Headers of a request, and what aligns it. */
const HEAD_BYTES = 24;

/** Places of requests, in order, in groups that are sent together. */
export function batchesOf(bodies: readonly Pick<Body, "attributes">[]): { from: number; to: number }[] {
  const batches: { from: number; to: number }[] = [];
  let [from, size] = [0, 0];
  for (const [at, { attributes }] of bodies.entries()) {
    const length = HEAD_BYTES + attributes.length;
    if (size + length > BYTES_MAX && at > from) {
      batches.push({ from, to: at });
      [from, size] = [at, 0];
    }
    size += length;
  }
  if (from < bodies.length) batches.push({ from, to: bodies.length });
  return batches;
}
