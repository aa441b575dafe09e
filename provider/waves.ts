/** How a change goes over the directors of a cluster. Everything absent: all at once, and no failure is borne. */
export interface Rollout {
  /** Directors of the first wave. Default: none apart. */
  readonly canary?: number | undefined;
  /** Directors of each later wave. Default: all that are left. */
  readonly waveSize?: number | undefined;
  /** Milliseconds between two waves. Default 0. */
  readonly pauseMs?: number | undefined;
  /** Directors that may fail without ending the change. Default 0. */
  readonly maxFailures?: number | undefined;
}

/** Cuts a list of directors, in its order, into the waves in which they are changed. */
export function wavesOf<T>(directors: readonly T[], { canary = 0, waveSize }: Rollout = {}): T[][] {
  const waves: T[][] = [];
  if (canary > 0) waves.push(directors.slice(0, canary));
  const size = Math.max(1, waveSize ?? directors.length);
  for (let at = canary; at < directors.length; at += size) waves.push(directors.slice(at, at + size));
  return waves.filter((wave) => wave.length > 0);
}
