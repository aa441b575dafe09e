import { randomUUID } from "node:crypto";
import { judge } from "./judge";
import { NotFollowingError } from "./not-following-error";
import type { Known, Newest, Plane, Proposal, Shared } from "./plane";
import { areApart, digestOf, merged, steps } from "./registry-text";

/** Tries to bring a change onto what is newest: others may be at it too. */
const ROUNDS = 10;

/** From where a director has something agreed on. */
export interface Ground {
  /** What is shared, as it was last seen. */
  readonly base: Shared | undefined;
  /** What the director has applied. */
  readonly applied: Known | undefined;
  /** The director's own registry, as it is when it is asked for. */
  readonly text: () => string;
}

/** A change as it is to be taken. */
interface Wanted extends Omit<Proposal, "id"> {
  /** Only onto what it was made from, whatever others touch. */
  readonly isExact?: boolean;
}

/** What became of a change. */
export type Agreed =
  | { readonly outcome: "agreed"; readonly shared: Shared }
  /** Something else has been agreed on, and is to be followed; undefined: it does not fit to what is shared already. */
  | { readonly outcome: "other"; readonly newest: Newest | undefined };

/**
 * Has a change taken. Where others came first it is brought onto what they made, as long as that touches other things;
 * where the very same stands there already it is agreed on.
 *
 * @throws PlaneDownError, NotFollowingError: it was not taken; PlaneUncertainError
 */
export async function agree(
  plane: Pick<Plane, "propose">,
  { base: first, applied, text }: Ground,
  { delta, leaves, isExact = false }: Wanted,
): Promise<Agreed> {
  const id = randomUUID();
  let base = first;
  let last: Newest | undefined;
  for (let rounds = 0; rounds < ROUNDS; rounds++) {
    const wanted = merged(base?.text ?? "", delta);
    if (wanted === undefined) return { outcome: "other", newest: undefined };
    if (base && wanted === base.text) return { outcome: "agreed", shared: base };
    const proposed = await plane.propose(base, { id, delta, leaves });
    if (proposed.outcome === "accepted") return { outcome: "agreed", shared: proposed.shared };
    const { newest } = proposed;
    const verdict = judge({ applied, text: text() }, newest);
    if (!newest || verdict.kind === "alarm")
      throw new NotFollowingError(verdict.kind === "alarm" ? verdict.reason : "it was emptied");
    const isSame = newest.shared.digest === digestOf(wanted);
    if (isSame) return { outcome: "agreed", shared: newest.shared };
    const others = steps(base?.text ?? "", newest.shared.text);
    if (isExact || !areApart(delta, others)) return { outcome: "other", newest };
    base = newest.shared;
    last = newest;
  }
  // Others change it all the time: nothing is wrong with it, and whoever wants the change may try it again.
  return { outcome: "other", newest: last };
}
