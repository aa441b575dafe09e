/** What an error has to tell: what was needed, what was there instead, what to do about it. */
export interface Explanation {
  /** What the set-up needed at this point. */
  readonly expected: string;
  /** What it met instead. */
  readonly found: string;
  /** What the reader can do next, as an instruction. */
  readonly next: string;
}

/** Any failure of the set-up that a person can do something about. One subclass per cause. */
export class SetupError extends Error {
  readonly explanation: Explanation;

  constructor(explanation: Explanation, options?: ErrorOptions) {
    const { expected, found, next } = explanation;
    super(`expected ${expected}\n  found: ${found}\n  next:  ${next}`, options);
    this.name = new.target.name;
    this.explanation = explanation;
  }
}

/** A program that the set-up needs is not on PATH. */
export class ToolMissing extends SetupError {}

/** A program ran and ended with a failure, or could not be waited for. */
export class CommandFailed extends SetupError {}

/** The cache folder can't be created or written. */
export class CacheNotWritable extends SetupError {}

/** This machine is not of the Debian family, or has no package manager that we can ask. */
export class DistributionUnsupported extends SetupError {}

/** The distribution could not deliver the packages. */
export class PackagesUnavailable extends SetupError {}

/** There is no build of a tool for this processor or operating system. */
export class PlatformUnsupported extends SetupError {}

/** A download could not be reached, was cut, or answered with an error. */
export class DownloadFailed extends SetupError {}

/** A download arrived whole but is not what its publisher says it is. */
export class ChecksumMismatch extends SetupError {}

/** This user may not build the lab: it takes root, or user namespaces, which this system forbids. */
export class RootNeeded extends SetupError {}

/** Every way to get a tool has been tried. */
export class ToolUnavailable extends SetupError {}

/** The command line of the set-up could not be understood. */
export class UsageError extends SetupError {}

/**
 * The text for a person: the explanation for our own errors, the stack for anything else, because an
 * error nobody foresaw is a defect and its origin is what matters.
 */
export function describe(error: unknown): string {
  if (error instanceof SetupError) return `${error.name}: ${error.message}`;
  if (error instanceof Error) return error.stack ?? error.message;
  return String(error);
}
