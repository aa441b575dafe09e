import { parseArgs } from "node:util";

/** What `npm run chaos` was asked for. */
export interface ChaosArguments {
  readonly schedules: number;
  /** Of each schedule. */
  readonly steps: number;
  /** Of the first schedule; those after it have the numbers after it. */
  readonly seed: number;
}

/** Reads the arguments of `npm run chaos`. Throws Error for one that is no whole number above 0. */
export function chaosArguments(argv: readonly string[], seed: number): ChaosArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: { schedules: { type: "string" }, steps: { type: "string" }, seed: { type: "string" } },
  });
  const number = (name: keyof typeof values, fallback: number): number => {
    const value = values[name] === undefined ? fallback : Number(values[name]);
    if (Number.isInteger(value) && value > 0) return value;
    throw new Error(`--${name}: expected a whole number above 0, found ${values[name]}`);
  };
  return { schedules: number("schedules", 200), steps: number("steps", 4), seed: number("seed", seed) };
}
