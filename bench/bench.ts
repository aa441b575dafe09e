import type { Measurement } from "./record";
import type { Sites } from "./sites";

/** How a bench is to run. */
export interface BenchOptions {
  /** How often each side is measured. */
  readonly rounds: number;
  /** Sizes that take seconds. */
  readonly quick: boolean;
  /** Where the directors come from. */
  readonly sites: Sites;
  /** Tells a person how far it is. */
  readonly say: (text: string) => void;
}

/** One benchmark: a file in `cases/` and a line in the registry. */
export interface Bench {
  /** What is measured against what, in one line. */
  readonly about: string;
  /** Measures, and checks on the directors that what was measured has really been done. */
  run(options: BenchOptions): Promise<readonly Measurement[]>;
}

/** What a bench met was not what it was to measure; its figures would mean nothing. */
export class BenchError extends Error {}
