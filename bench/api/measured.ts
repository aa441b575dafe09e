import { BenchError } from "../bench";
import type { Measurement } from "../record";
import type { Met } from "./order";

/** Throws BenchError for answers that were errors, and for a table that is not as it was declared. */
export function checked(met: Met, say: (text: string) => void): Met {
  say(
    `${met.readsPerS.toFixed(0)} reads a second (99 % within ${met.readP99Ms.toFixed(1)} ms), ${met.changesPerS.toFixed(1)} changes ` +
      `a second (half within ${met.changeP50Ms.toFixed(1)} ms, 99 % within ${met.changeP99Ms.toFixed(1)} ms), ${met.moves} moves of a server`,
  );
  if (met.errors + met.wrong === 0) return met;
  throw new BenchError(
    `${met.errors} answers were errors, and ${met.wrong} servers are not as declared at the end. ${met.firstError}`,
  );
}

/** What clients met, as records. */
export function measurementsOf(bench: string, all: readonly Met[]): Measurement[] {
  const records = [
    ["reads", "1/s", (met: Met) => met.readsPerS],
    ["read-p99", "s", (met: Met) => met.readP99Ms / 1_000],
    ["changes", "1/s", (met: Met) => met.changesPerS],
    ["change-median", "s", (met: Met) => met.changeP50Ms / 1_000],
    ["change-p99", "s", (met: Met) => met.changeP99Ms / 1_000],
  ] as const;
  return records.map(([name, unit, of]) => ({
    ...{ name: `${bench}/${name}`, unit, against: "nothing comparable", peer: [] },
    ours: all.map(of),
  }));
}
