import { withCode } from "../director";

export { describeCheck, describeFailure, GateError, type GateFailure, withCode } from "../director";

/** The state does not say any more which directors a resource is on. What stands there instead is secret. */
export class HandleError extends Error {
  override readonly name = "HandleError";
  readonly code = "HEYE_HANDLE";

  constructor(resource: string) {
    super(
      `${resource}: expected the handle of its cluster in the state (property cluster), found something else. ` +
        "Run `pulumi up` with the resource in the program: it is written anew. Then repeat what was to be done.",
    );
  }
}

/** A director has changed since its servers were checked: some would be let in that were not asked. */
export class UnaskedError extends Error {
  override readonly name = "UnaskedError";
  readonly code = "HEYE_UNASKED";

  constructor(
    readonly director: string,
    readonly servers: readonly string[],
  ) {
    super(
      `director ${director}: expected ${servers.join(", ")} in service, as when servers were checked, ` +
        "found otherwise (a table emptied, a weight set to 0): nothing was let in unchecked. Run `pulumi up` again.",
    );
  }
}

/** Some directors could not be changed; the message holds every director's reason. */
export class RolloutError extends Error {
  override readonly name = "RolloutError";
  readonly code = "HEYE_ROLLOUT";

  constructor(
    readonly causes: readonly Error[],
    /** Directors that took part. */
    total: number,
    /** What the directors hold now. */
    readonly consequence: string,
    /** A director may hold the change all the same: it could not be asked, or not be put back. */
    readonly uncertain = false,
  ) {
    const lines = causes.map((cause) => `  ${withCode(cause).replaceAll("\n", "\n  ")}`);
    // One that could not be put back either is among them twice.
    const failed = new Set(causes.map((cause) => ("director" in cause ? cause.director : cause)));
    super(`${failed.size} of ${total} directors failed:\n${lines.join("\n")}\n${consequence}`);
  }
}
