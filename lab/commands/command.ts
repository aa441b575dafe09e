/** What a subcommand of `heye lab` is. */
import { type ParseArgsConfig, parseArgs } from "node:util";
import { LabInputError } from "../errors";

/** One subcommand. `run` returns the exit code; what it throws is shown as a text. */
export interface LabCommand {
  /** After `heye lab`. */
  readonly usage: string;
  readonly summary: string;
  /** Lines about options, for `--help`. */
  readonly details: readonly string[];
  readonly run: (argv: readonly string[]) => Promise<number>;
}

/** The lab that commands act on when none is named. */
export const DEFAULT_LAB = "lab";

/** The option that names the lab, where the positional arguments mean something else. */
export const LAB_OPTION = { lab: { type: "string", default: DEFAULT_LAB } } as const;
export const LAB_DETAIL = `--lab NAME       the lab to act on (default: the one that runs, else ${DEFAULT_LAB})`;
export const JSON_OPTION = { json: { type: "boolean", default: false } } as const;
export const JSON_DETAIL = "--json           print JSON";

/** parseArgs, with its complaints as LabInputError. */
export function parse<const Options extends NonNullable<ParseArgsConfig["options"]>>(
  args: readonly string[],
  options: Options,
): ReturnType<typeof parseArgs<{ args: string[]; options: Options; allowPositionals: true }>> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new LabInputError(`${error instanceof Error ? error.message : error}. See --help.`);
  }
}

/** Splits at the first word that is no option: what follows belongs to the program that is to be run. */
export function splitAtFirstWord(
  argv: readonly string[],
  withValue: readonly string[],
): [string[], string[]] {
  let i = 0;
  while (i < argv.length && argv[i]?.startsWith("--")) {
    const word = argv[i++];
    if (word === "--") break;
    if (word !== undefined && withValue.includes(word)) i++;
  }
  return [argv.slice(0, i).filter((word) => word !== "--"), argv.slice(i)];
}

/** A whole number given as text. Throws LabInputError that names the option. */
export function wholeNumber(option: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new LabInputError(`${option}: expected a whole number, found ${JSON.stringify(text)}.`);
}

/** Prints a value as JSON. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Prints lines of text. */
export function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}
