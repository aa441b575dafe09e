import { parseRegistry, registryDelta, registryLines } from "../../director/data";
import type { Known, Newest } from "./plane";
import { digestOf } from "./registry-text";

/** What a director does about what is shared. */
export type Verdict =
  /** It holds it. */
  | { readonly kind: "current" }
  | { readonly kind: "follow" }
  /** Nothing is shared yet, and this director has nothing to begin with either. */
  | { readonly kind: "wait" }
  /** Nothing was ever shared: this director begins, with what it has. */
  | { readonly kind: "begin" }
  /** It is not followed until somebody says what is right. */
  | { readonly kind: "alarm"; readonly reason: string };

/** What a director has. */
export interface Own {
  /** What it last followed below this prefix; undefined: never anything. */
  readonly applied: Known | undefined;
  /** Its own registry's text. */
  readonly text: string;
}

/**
 * Whether what is shared is to be followed. Once followed, it is as long as it is a successor of what was followed. A store
 * that was emptied, or put back to how it was before, is not: what it says now would take services away that nobody has
 * removed. Nor does a director that joins let go of what it has, unless it gets all of it back with what it joins.
 */
export function judge({ applied, text }: Own, newest: Newest | undefined): Verdict {
  if (!newest) {
    if (applied)
      return {
        kind: "alarm",
        reason: `it holds nothing any more, and revision ${applied.revision} was followed here`,
      };
    return text === "" ? { kind: "wait" } : { kind: "begin" };
  }
  const { shared, isSuccessor } = newest;
  if (applied) {
    if (isSuccessor) return applied.revision === shared.revision ? { kind: "current" } : { kind: "follow" };
    return { kind: "alarm", reason: strange(applied, newest) };
  }
  if (digestOf(text) === shared.digest) return { kind: "follow" };
  const lost = lostBy(text, shared.text);
  if (lost.length === 0) return { kind: "follow" };
  const some =
    lost.length > 3 ? `${lost.slice(0, 3).join(", ")} and ${lost.length - 3} more` : lost.join(", ");
  return {
    kind: "alarm",
    reason: `this director joins with virtual servers that are not declared there, or otherwise: ${some}`,
  };
}

function strange(applied: Known, { shared, isForgotten = false }: Newest): string {
  if (applied.history !== shared.history)
    return "it holds another history than the one that was followed here";
  if (shared.revision < applied.revision)
    return `it is at revision ${shared.revision}, and revision ${applied.revision} was followed here: it was put back to an older state`;
  if (isForgotten)
    return `revision ${applied.revision} was followed here, and lies so far behind that nobody knows whether it is on the way to revision ${shared.revision}`;
  return `its revision ${applied.revision} is another one than was followed here: it was put back to an older state, and changed since`;
}

/** Virtual servers that a director would lose, or have changed. */
function lostBy(own: string, shared: string): string[] {
  const [before, after] = [own, shared].map((text) => parseRegistry(text));
  if (!before || !after) return ["what cannot be read"];
  // What is only there and not here is nothing to lose.
  return registryDelta(registryLines(after), registryLines(before)).flatMap((edit) => {
    const [, key] = /^\+service \S+ ([^\t]+)/.exec(edit) ?? [];
    return key === undefined ? [] : [key];
  });
}
