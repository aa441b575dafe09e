import { writeFileSync } from "node:fs";
import { type MochaOptions, type Runner, reporters } from "mocha";

/** What a layer's mocha tells of itself. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Mocha's spec output; and at the end the counts, as JSON in the file that the reporter option `counts` names.
 * No such file means that mocha did not get to its end.
 */
class CountingReporter extends reporters.Spec {
  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options);
    const file = (options.reporterOptions as { counts?: unknown } | undefined)?.counts;
    if (typeof file !== "string") throw new TypeError("the reporter needs the option counts=FILE");
    runner.once("end", () => {
      const { passes, failures } = this.stats;
      const counts: Counts = { passed: passes, failed: failures };
      writeFileSync(file, JSON.stringify(counts));
    });
  }
}

module.exports = CountingReporter;
