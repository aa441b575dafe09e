import { readFileSync } from "node:fs";
import { FileRefused } from "./refusal";

/**
 * The text of a file that a ConfigFile names, from the folder that the program runs in.
 *
 * @throws FileRefused when it cannot be read
 */
export function readFile(what: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    throw new FileRefused(what, file, [
      { line: 1, reason: `expected a file that can be read, found ${fault}` },
    ]);
  }
}
