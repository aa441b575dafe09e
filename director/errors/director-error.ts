/**
 * Everything that can go wrong with a director, one class per cause. Each names the director, says what was
 * expected and found, and what to do next; none holds a secret.
 */
export abstract class DirectorError extends Error {
  /** Stable identifier, one row in docs/errors.md. */
  abstract readonly code: string;

  constructor(
    readonly director: string,
    message: string,
  ) {
    super(`director ${director}: ${message}`);
    this.name = new.target.name;
  }
}

/** An error's message with its code, under which docs/errors.md has a row. */
export function withCode(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && code.startsWith("HEYE_") ? `${error.message} [${code}]` : error.message;
}
