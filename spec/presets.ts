/**
 * When HeYe's first version asks. Its http check is ours by default: `HEAD /`, and every status from 200 to 399 is alive.
 */
export const HEYE_V1 = { intervalMs: 2_000, timeoutMs: 500, rise: 5, fall: 2 } as const;
