/**
 * The lab's errors: one class per cause. Every text says what was expected, what was found and what to do next.
 */

/** Base of all errors of the lab: `catch (e) { if (e instanceof LabError) ... }`. */
export class LabError extends Error {
  override readonly name: string = "LabError";
}

/** A lab's name, or the shape that was asked for, is not usable. Nothing has been started. */
export class LabInputError extends LabError {
  override readonly name = "LabInputError";
}

/** This machine can run neither mode of the lab: no IPVS in its kernel, and no user-mode Linux. */
export class NoKernelError extends LabError {
  override readonly name = "NoKernelError";
}

/** This user may not build a lab; the text says what forbids it. */
export class NotRootError extends LabError {
  override readonly name = "NotRootError";
}

/** A lab of this name is up already, or another process is bringing it up or down at this moment. */
export class LabBusyError extends LabError {
  override readonly name = "LabBusyError";
}

/** There is no running lab of this name. */
export class NoLabError extends LabError {
  override readonly name = "NoLabError";
}

/** The world did not come up; the text ends with the last lines of its log. Everything started for it has been taken down. */
export class LabStartError extends LabError {
  override readonly name = "LabStartError";
}

/** The running world refused a request (unknown node, wrong argument, a fault that makes no sense for that node). */
export class WorldError extends LabError {
  override readonly name = "WorldError";
}

/** A command inside the lab ran longer than its `timeoutMs`; it has been killed. */
export class ExecTimeoutError extends LabError {
  override readonly name = "ExecTimeoutError";
}

/** The text of anything thrown. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The errno name ("EADDRINUSE", ...) of a thrown system error; undefined for anything else. */
export function errnoOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !("code" in thrown)) return undefined;
  return typeof thrown.code === "string" ? thrown.code : undefined;
}
