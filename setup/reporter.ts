import { writeFileSync } from "node:fs";
import { type MochaOptions, type Runner, reporters, type Test } from "mocha";
import type { Failure, Outcome } from "./outcome";

/**
 * Mocha's spec output; and at the end the outcome, as JSON in the file that the reporter option `outcome` names.
 * No such file means that mocha did not get to its end.
 */
class OutcomeReporter extends reporters.Spec {
  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options);
    const file = (options.reporterOptions as { outcome?: unknown } | undefined)?.outcome;
    if (typeof file !== "string") throw new TypeError("the reporter needs the option outcome=FILE");
    const failures: Failure[] = [];
    runner.on("fail", (test: Test, error: unknown) => failures.push(failure(test, error)));
    runner.once("end", () => {
      const outcome: Outcome = { passed: this.stats.passes, failures };
      writeFileSync(file, JSON.stringify(outcome));
    });
  }
}

function failure(test: Test, error: unknown): Failure {
  const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { what: test.titlePath().join(" › "), why };
}

module.exports = OutcomeReporter;
