/** How long an object waits for more that changes with it, in ms: what changes at once is one write. */
export const GATHER_MS = 50;

/**
 * The least time from one write of an object to the next, in ms. Checks of servers that die together are spread over their
 * interval, and so are the verdicts: without it each would be a write of all addresses, for every node to read.
 */
export const SPACING_MS = 1_000;

/**
 * When an object that has changed is to be written: soon, if it was not written of late; else as soon as that is so. So one
 * change that comes alone never waits, and what an object says is never behind by more than the spacing. A slice that follows a
 * declaration and the readiness of what came with it are two writes of one object: the second one waits.
 *
 * @param changedMs when it changed; what changes before the write goes with it
 * @param writtenMs when its last write began; undefined: it was never written
 * @returns by the same clock, in ms
 */
export function dueMs(changedMs: number, writtenMs: number | undefined, spacingMs = SPACING_MS): number {
  return Math.max(changedMs + GATHER_MS, (writtenMs ?? Number.NEGATIVE_INFINITY) + spacingMs);
}
