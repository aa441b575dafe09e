/**
 * Somebody else changing what a change was computed from makes us compute it anew; so many times, then we report it. It takes some
 * seconds: what programs and clients of an API change comes in bursts, and passes; a daemon that edits a table does not.
 */
export const ATTEMPTS = 10;

/** The longest pause before another attempt, in milliseconds, doubled each time; and where that ends. */
const FIRST_MS = 50;
const LONGEST_MS = 1_000;

/**
 * How long to wait before a change is computed anew, in milliseconds. By chance: two who disturb each other would else do so in
 * step.
 *
 * @param attempt the one that was in vain, from 1. After the first there is no pause: what was known was old, as a rule
 */
export function pauseMs(attempt: number, random: () => number = Math.random): number {
  return attempt === 1 ? 0 : Math.min(FIRST_MS * 2 ** (attempt - 1), LONGEST_MS) * random();
}
