import * as pulumi from "@pulumi/pulumi";
import { formatPath, type Problem } from "../spec/problem";

/** Arguments that cannot be taken: everything that is wrong with them, each with its property path. */
export class ArgumentsRefused extends pulumi.RunError {
  readonly code = "HEYE_ARGUMENTS";

  /**
   * @param what the resource, such as `HealthCheckedService web`
   * @param problems at least one
   */
  constructor(what: string, problems: readonly Problem[]) {
    const lines = problems.map(({ path, reason }) => `  ${formatPath(path)}: ${reason}`);
    const [one] = problems.length === 1 ? problems : [];
    super(
      one
        ? `${what}: ${formatPath(one.path)}: ${one.reason} [HEYE_ARGUMENTS]`
        : `${what}: ${problems.length} arguments cannot be taken [HEYE_ARGUMENTS]:\n${lines.join("\n")}`,
    );
    this.name = "ArgumentsRefused";
  }
}

/** A file that cannot be taken: everything that is wrong with it, each with its line. */
export class FileRefused extends pulumi.RunError {
  readonly code = "HEYE_FILE";

  /**
   * @param what the resource, such as `ConfigFile shop`
   * @param problems at least one
   */
  constructor(what: string, file: string, problems: readonly { line: number; reason: string }[]) {
    const lines = problems.map(({ line, reason }) => `  ${file}:${line}: ${reason}`);
    super(`${what}: the file cannot be taken [HEYE_FILE]:\n${lines.join("\n")}`);
    this.name = "FileRefused";
  }
}

/** What is wrong with arguments, asked with a way to tell values that are not known yet. */
export type ProblemsOf = (args: unknown, isUnknown: (value: unknown) => boolean) => readonly Problem[];

/**
 * Refuses arguments: at once for what is known, and where outputs are among them again when those have values, which may
 * be in the preview, or not before the update.
 *
 * @throws ArgumentsRefused
 */
export function refuseArguments(what: string, args: unknown, problemsOf: ProblemsOf): void {
  const refuse = (known: unknown, isUnknown: (value: unknown) => boolean) => {
    const problems = problemsOf(known, isUnknown);
    if (problems.length > 0) throw new ArgumentsRefused(what, problems);
  };
  const late: unknown[] = [];
  refuse(args, (value) => {
    const isLate = pulumi.Output.isInstance(value) || value instanceof Promise;
    if (isLate) late.push(value);
    return isLate;
  });
  if (late.length > 0) pulumi.output({ args }).apply((whole) => refuse(whole.args, () => false));
}
