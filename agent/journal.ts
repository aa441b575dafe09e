import * as z from "zod";
import type { Table } from "../ipvs";
import { parseJson } from "./json";
import { table } from "./table-schema";

/** A change that has been taken on: it is carried out, whatever happens in between. */
export interface Journal {
  /** The registry's file as it is to be afterwards; empty: none. */
  readonly after: string;
  /** Keys of the virtual servers that change. */
  readonly scope: readonly string[];
  /** They as declared; undefined: as they are registered afterwards. */
  readonly desired?: Table;
}

const journal: z.ZodType<Journal> = z.object({
  after: z.string(),
  scope: z.array(z.string()),
  desired: table.exactOptional(),
});

/** The journal is there and cannot be read: nobody knows what was begun, so nothing is touched. */
export class JournalError extends Error {
  constructor(file: string, reason: string) {
    super(
      `${file} cannot be read (${reason}): a change was begun, and nobody knows which. Nothing is touched. ` +
        "Remove the file to go on with what the registry says, and run `pulumi up --refresh`.",
    );
    this.name = "JournalError";
  }
}

/** @throws JournalError */
export function readJournal(text: string, file: string): Journal {
  const value = parseJson(text);
  const result = journal.safeParse(value);
  if (result.success) return result.data;
  // Places and kinds of mistakes alone, as of a configuration: what stands in it holds passwords of checks.
  const places = result.error.issues.map(({ path, code }) => `${path.join(".") || "the whole"}: ${code}`);
  throw new JournalError(file, value === undefined ? "it is no JSON" : places.join("; "));
}
