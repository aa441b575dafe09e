import type { CheckResult } from "./check";

/** One check that was made. */
export interface PastCheck extends CheckResult {
  /** When it ended, in ms since 1970. */
  readonly at: number;
  /** How long it took. */
  readonly tookMs: number;
}

/** One change of mind. */
export interface Transition {
  /** In ms since 1970. */
  readonly at: number;
  /** What the server is held for since then. */
  readonly healthy: boolean;
  /** The answer that was decisive. */
  readonly answer: string;
}

/** What happened last with one probe, the newest at the end. */
export interface History {
  readonly results: readonly PastCheck[];
  readonly transitions: readonly Transition[];
}

/** How much is remembered of each kind. */
export const REMEMBERED = 20;

/** Adds to a memory, and forgets what is too old for it. */
export function remember<T>(memory: T[], news: T): void {
  if (memory.length >= REMEMBERED) memory.shift();
  memory.push(news);
}
