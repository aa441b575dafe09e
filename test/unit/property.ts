import * as fc from "fast-check";

/** Runs a synchronous property; a failure prints its seed and the smallest counterexample. */
export function always<Ts>(property: fc.IProperty<Ts>, parameters?: fc.Parameters<Ts>): void {
  const nothing: unknown = fc.assert(property, parameters);
  if (nothing !== undefined) throw new Error("expected a synchronous property");
}

/** How many cases are tried: as many as a test wants, or as a long run asks for: `HEYE_FUZZ_RUNS=100000`. */
export function fuzzRuns(usual: number): number {
  return Number(process.env.HEYE_FUZZ_RUNS ?? usual);
}
