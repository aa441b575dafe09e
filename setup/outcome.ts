/** One thing that failed, as the end of a long output tells of it again. */
export interface Failure {
  /** The layer and the test, outermost title first: `lab › an agent › starts`. */
  readonly what: string;
  /** The error's own words and the first of its stack. */
  readonly why: string;
}

/** What came of tests: those of a layer, or of several. */
export interface Outcome {
  readonly passed: number;
  readonly failures: readonly Failure[];
}

/** Of no tests at all. */
export const NOTHING: Outcome = { passed: 0, failures: [] };

/** Of one more that passed. */
export const PASSED: Outcome = { passed: 1, failures: [] };

/** The outcome of one that failed. */
export function failed(what: string, why: string): Outcome {
  return { passed: 0, failures: [{ what, why }] };
}

/** Both together. */
export function add(one: Outcome, other: Outcome): Outcome {
  return { passed: one.passed + other.passed, failures: [...one.failures, ...other.failures] };
}

/** Lines of a failure that are repeated at the end: its words, a difference, where it was. */
const TOLD_LINES = 25;

/**
 * The last words of a run of tests: every failure once more, since the output before is an hour long and a CI may keep
 * the end of it alone, and the line that counts: `412 passed, 0 failed`.
 */
export function summary({ passed, failures }: Outcome): string {
  const told = failures.map(({ what, why }) => {
    const lines = why.split("\n");
    const more = lines.length > TOLD_LINES ? ["..."] : [];
    return [what, ...[...lines.slice(0, TOLD_LINES), ...more].map((line) => `    ${line}`)].join("\n");
  });
  const again = failures.length === 0 ? [] : ["", "What failed, once more:", "", ...told, ""];
  return [...again, `${passed} passed, ${failures.length} failed`].join("\n");
}
