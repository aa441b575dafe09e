import { CHECK_TYPES, healthCheck } from "../../spec";
import { timing } from "../../spec/check-timing";
import { type Row, specifiedRows } from "./rows";
import { CHECKS } from "./sections";
import { inputOf, valueAt } from "./values";

/** A kind of check whose type the SDK makes of the specification, as the page shows it. */
export interface OtherCheck {
  /** The type as a program names it. */
  readonly title: string;
  readonly text: string;
  readonly rows: readonly Row[];
  /** As they stand in a program. */
  readonly examples: readonly string[];
}

/** Name of the type in the SDK that stands for all of them. */
export const OTHERS = "OtherCheckArgs";

/** The kinds that have no section of their own. */
export function otherChecks(): OtherCheck[] {
  const all = inputOf(healthCheck);
  const written = new Set(CHECKS.flatMap(({ path }) => path ?? []));
  return CHECK_TYPES.filter((type) => !written.has(`=${type}`)).map((type) => {
    const value = valueAt(all, [`=${type}`]);
    return {
      title: `CheckArgs<"${type}">`,
      text: `${value.description ?? ""}.`,
      rows: specifiedRows(value, new Set(Object.keys(timing))),
      examples: (value.examples ?? []).map(asProgram),
    };
  });
}

function asProgram(example: Readonly<Record<string, unknown>>): string {
  const fields = Object.entries(example).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return `{ ${fields.join(", ")} }`;
}
