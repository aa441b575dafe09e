import type { CheckResult } from "./check";

/** What is known of a server, by one way of asking it. Plain data, to be kept over a restart. */
export interface ServerHealth {
  readonly healthy: boolean;
  /** Consecutive results, up to the last one, that contradict `healthy`. */
  readonly streak: number;
  /** When `healthy` last changed, in ms since 1970. */
  readonly since: number;
  /** The last answer, for people. */
  readonly answer: string;
  /** When the last check ended, in ms since 1970; 0: never. */
  readonly at: number;
}

/** How many consecutive results it takes to change one's mind. */
export interface Limits {
  /** Successes that make a server healthy. */
  readonly rise: number;
  /** Failures that make it unhealthy. */
  readonly fall: number;
}

/**
 * What is known after one more result. Only consecutive results count: one that confirms what is known starts the count
 * again, so failures that are far between never take a server out. An inconclusive one changes nothing.
 *
 * @param atMs when the result came, in ms since 1970
 */
export function judge(
  before: ServerHealth,
  { healthy, answer, inconclusive }: CheckResult,
  { rise, fall }: Limits,
  atMs: number,
): ServerHealth {
  if (inconclusive) return { ...before, answer, at: atMs };
  const streak = healthy === before.healthy ? 0 : before.streak + 1;
  const convinced = streak >= (before.healthy ? fall : rise);
  if (convinced && healthy !== before.healthy) return { healthy, streak: 0, since: atMs, answer, at: atMs };
  return { ...before, streak, answer, at: atMs };
}
