/** The largest rate that is kept, as far as it is known: within a factor of this. */
const FINE = 1.05;
const COARSE = 1.5;

/**
 * Finds the largest rate that is kept: faster and faster until one is not, then between the last two.
 *
 * @param keeps tries a rate; what was really reached where it was kept, undefined where it was not
 * @param most no larger one is tried
 * @returns what was really reached at the largest rate that was kept; 0 when not even the first was
 */
export async function largestRate(
  first: number,
  keeps: (rate: number) => Promise<number | undefined>,
  most = Number.POSITIVE_INFINITY,
): Promise<number> {
  let [kept, reached] = [0, 0];
  let failed = Number.POSITIVE_INFINITY;
  for (let rate = Math.min(first, most); failed / Math.max(kept, 1) > FINE; ) {
    const found = await keeps(Math.round(rate));
    if (found === undefined) failed = rate;
    else [kept, reached] = [rate, found];
    if (kept === 0 || kept >= most) return reached;
    rate = failed === Number.POSITIVE_INFINITY ? Math.min(kept * COARSE, most) : Math.sqrt(kept * failed);
  }
  return reached;
}
