import { isRecoverableError } from "etcd3";

/** Failures of one member, or of a cluster that is electing its leader. etcd's own refusals (no permission, no space) stay. */
export function mayPass(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // By its code it looks like a member that has too much to do.
  if (/database space exceeded/.test(error.message)) return false;
  if (isRecoverableError(error)) return true;
  return /timed out|no leader|leader changed|too many requests|stopped|stream of a lease|not capable/.test(
    error.message,
  );
}

/** Why a call failed: the first line, without gRPC's decorations. */
export function reasonOf(error: unknown): string {
  const words = error instanceof Error ? error.message || error.name : String(error);
  return (words.split("\n", 1)[0] ?? "")
    .replace(/^\d+ [A-Z_]+: /, "")
    .replace(/^No connection established\. Last error: (?:Error: )?(.+?)\. Resolution note:.*$/, "$1")
    .replace(/^Deadline exceeded after ([\d.]+)s.*$/, "no answer within $1 s")
    .replace(/\p{C}+/gu, " ")
    .slice(0, 300);
}
