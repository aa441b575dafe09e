import { parseArgs } from "node:util";
import { STORES, type Store } from "./store";

/** What `npm run chaos` was asked for. */
export interface ChaosArguments {
  readonly schedules: number;
  /** Of each schedule. */
  readonly steps: number;
  /** Of the first schedule; those after it have the numbers after it. */
  readonly seed: number;
  /** No schedule is begun after so long. Default: until all are made. */
  readonly minutes: number | undefined;
  readonly store: Store;
  /** Instead of schedules: mistakes are planted in agents, or agents are killed at each named point. */
  readonly instead: "plants" | "points" | undefined;
}

/** Reads the arguments of `npm run chaos`. Throws Error for a number that is none above 0, and for a store that is none. */
export function chaosArguments(argv: readonly string[], seed: number): ChaosArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      schedules: { type: "string" },
      steps: { type: "string" },
      seed: { type: "string" },
      minutes: { type: "string" },
      store: { type: "string", default: "file" },
      plants: { type: "boolean", default: false },
      points: { type: "boolean", default: false },
    },
  });
  const store = STORES.find((one) => one === values.store);
  if (!store) throw new Error(`--store: expected one of ${STORES.join(", ")}, found ${values.store}`);
  if (values.plants && values.store !== "file")
    throw new Error("--plants: expected no --store, those that are planted are found with files");
  const number = <F extends number | undefined>(
    name: "schedules" | "steps" | "seed" | "minutes",
    fallback: F,
  ): number | F => {
    const value = values[name] === undefined ? fallback : Number(values[name]);
    if (value === undefined || (Number.isInteger(value) && value > 0)) return value;
    throw new Error(`--${name}: expected a whole number above 0, found ${values[name]}`);
  };
  return {
    schedules: number("schedules", 200),
    steps: number("steps", 4),
    seed: number("seed", seed),
    minutes: number("minutes", undefined),
    store,
    instead: values.plants ? "plants" : values.points ? "points" : undefined,
  };
}
