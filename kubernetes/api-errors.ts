/** An API server refused a request, or did not answer it. Its own words are in the message; nothing that was sent is. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  /**
   * @param status of HTTP; 0: there was no answer
   * @param request what was asked, `PATCH /api/v1/...`
   * @param retryAfterMs how long the server asks to be left alone, if it does
   */
  constructor(
    readonly status: number,
    readonly request: string,
    detail: string,
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(`${request}: ${status === 0 ? "no answer" : `HTTP ${status}`}: ${detail}`, options);
  }

  /** The object is not as it was when it was read. */
  get isConflict(): boolean {
    return this.status === 409;
  }

  /** What a watch or a list was to go on from is no longer known. */
  get isGone(): boolean {
    return this.status === 410;
  }

  /** The object, or its namespace, is not there. */
  get isMissing(): boolean {
    return this.status === 404;
  }

  /** The same request may succeed later: the server is down, slow or busy. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** The controller cannot begin; the message says what to mend. */
export class StartError extends Error {
  override readonly name = "StartError";
  readonly code = "HEYE_KUBERNETES_START";
}

/** What went wrong, in words. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Several addresses of one name were tried, and none answered.
  const inner = error instanceof AggregateError ? error.errors.map(wordsOf).join(", ") : "";
  return error.message || inner || error.name;
}
