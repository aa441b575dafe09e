import { parseArgs } from "node:util";
import { BenchError } from "./bench";

/** What the command line asks for. */
export interface BenchArguments {
  /** Names of benches; all where none is named. */
  readonly names: readonly string[];
  readonly rounds: number;
  readonly quick: boolean;
  readonly list: boolean;
  /** Where the records go, if not where they belong. */
  readonly out: string | undefined;
}

/** Fewer rounds have no median that says anything. */
const ROUNDS = 3;

/** The usage, for people. */
export const USAGE = `usage: npm run bench -- [NAME...] [--rounds N] [--quick] [--list] [--out FILE]`;

/** @throws BenchError naming what cannot be understood */
export function argumentsOf(argv: readonly string[], known: readonly string[]): BenchArguments {
  const { values, positionals } = parsed(argv);
  const unknown = positionals.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new BenchError(`expected benches among ${known.join(", ")}, found ${unknown.join(", ")}\n${USAGE}`);
  const { quick = false, list = false, out } = values;
  return { names: positionals, rounds: roundsOf(values.rounds, quick), quick, list, out };
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        rounds: { type: "string" },
        quick: { type: "boolean" },
        list: { type: "boolean" },
        out: { type: "string" },
      },
    });
  } catch (error) {
    throw new BenchError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

function roundsOf(text: string | undefined, quick: boolean): number {
  if (text === undefined) return quick ? 1 : ROUNDS;
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 1) return rounds;
  throw new BenchError(`--rounds: expected a whole number from 1, found ${JSON.stringify(text)}\n${USAGE}`);
}
