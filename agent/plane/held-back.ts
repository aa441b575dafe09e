import { areApart, steps } from "./registry-text";

/**
 * A change was made from what this director holds, and it holds less there than the directors share: what is left out here
 * would be taken from all. Nothing of it was made.
 */
export class HeldBackError extends Error {
  /** @param conflicts why this director holds less, in sentences */
  constructor(conflicts: readonly string[]) {
    super(
      `this director does not hold all that is shared, and the change touches what it lacks: ${conflicts.join("; ")}. ` +
        "Remove the entries that belong to nobody here (`heye status` names them: CONFLICT), or take them over with `adopt`; " +
        "or ask another director for the change.",
    );
    this.name = "HeldBackError";
  }
}

/**
 * What of a delta that was made from a director's own registry may not be made of what is shared: it touches lines which the
 * director has otherwise, and is not so there already.
 */
export function heldBackOf(delta: readonly string[], own: string, shared: string): string[] {
  const kept = steps(shared, own);
  if (kept.length === 0) return [];
  const lines = new Set(shared.split("\n"));
  const identities = new Set([...lines].map(identityOf));
  const isSo = (edit: string) =>
    edit.startsWith("+") ? lines.has(edit.slice(1)) : !identities.has(edit.slice(1));
  return delta.filter((edit) => !isSo(edit) && !areApart([edit], kept));
}

function identityOf(line: string): string {
  return line.split("\t", 1)[0] ?? "";
}
