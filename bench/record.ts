/** What one bench measured of one thing, in every round. */
export interface Measurement {
  /** `BENCH/THING`, such as `one-weight/elapsed`. */
  readonly name: string;
  readonly unit: "s" | "MB" | "bytes" | "count" | "1/s";
  /** What stands on the other side, in a few words. */
  readonly against: string;
  readonly ours: readonly number[];
  /** Empty where nothing comparable exists. */
  readonly peer: readonly number[];
  /** The largest ratio of ours to the peer's that is good enough, 0: none of ours at all; absent: only to be known. */
  readonly aim?: number;
  /** The smallest difference between two figures that is one, in `unit`: how often it was looked. Default: any is. */
  readonly resolution?: number;
}

/** Where and of what a record was taken. */
export interface Circumstances {
  /** ISO 8601. */
  readonly at: string;
  /** Of the sources; ends with `+` when they had been changed since. */
  readonly commit: string;
  /** Processors, memory, kernel, how the lab ran. */
  readonly machine: string;
  /** With small sizes: shows that the bench works, and says nothing about speed. */
  readonly quick: boolean;
}

/** The smallest and the largest of the rounds, and how many there were. */
export interface Spread {
  readonly rounds: number;
  readonly min: number | null;
  readonly max: number | null;
}

/** One element of `bench/results/latest.json`. Figures are medians over the rounds. */
export interface BenchRecord extends Circumstances {
  readonly name: string;
  readonly unit: Measurement["unit"];
  readonly ours: number;
  readonly peer: number | null;
  /** `ours / peer`; null where there is no peer or it is 0. */
  readonly ratio: number | null;
  readonly aim: number | null;
  /**
   * Whether ours is at most the peer's times the aim, to within `resolution`, or where the aim is 0 whether ours was always
   * 0; null where one is missing.
   */
  readonly met: boolean | null;
  /** The smallest difference that the measurement can tell, in `unit`; null where any counts. */
  readonly resolution: number | null;
  readonly against: string;
  readonly spread: { readonly ours: Spread; readonly peer: Spread };
}

/**
 * The middle of some numbers, the mean of both middle ones where their count is even.
 *
 * @throws RangeError when there is none
 */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const high = sorted[Math.floor(sorted.length / 2)];
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  if (high === undefined || low === undefined) throw new RangeError("expected numbers, found none");
  return (low + high) / 2;
}

/** The record of a measurement. @throws RangeError when nothing of ours was measured */
export function recordOf(measurement: Measurement, circumstances: Circumstances): BenchRecord {
  const { name, unit, against, ours, peer, aim, resolution } = measurement;
  const ourMedian = median(ours);
  const peerMedian = peer.length === 0 ? null : median(peer);
  const ratio = peerMedian === null || peerMedian === 0 ? null : ourMedian / peerMedian;
  return {
    name,
    unit,
    ours: ourMedian,
    peer: peerMedian,
    ratio,
    aim: aim ?? null,
    met: metOf(measurement, ourMedian, peerMedian),
    resolution: resolution ?? null,
    against,
    spread: { ours: spreadOf(ours), peer: spreadOf(peer) },
    ...circumstances,
  };
}

/** The median of some errors may be 0: where there are to be none, every round counts. */
function metOf({ ours, aim, resolution = 0 }: Measurement, our: number, peer: number | null): boolean | null {
  if (aim === 0) return ours.every((value) => value === 0);
  if (aim === undefined || peer === null || peer === 0) return null;
  return our <= aim * peer + resolution;
}

function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) return { rounds: 0, min: null, max: null };
  return { rounds: values.length, min: Math.min(...values), max: Math.max(...values) };
}

/** `newer` in place of those of the same benches in `older`; a bench's name is what stands before the slash. */
export function mergeRecords(
  older: readonly BenchRecord[],
  newer: readonly BenchRecord[],
): readonly BenchRecord[] {
  const measured = new Set(newer.map(({ name }) => benchOf(name)));
  const all = [...older.filter(({ name }) => !measured.has(benchOf(name))), ...newer];
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function benchOf(name: string): string {
  return name.split("/", 1)[0] ?? name;
}
