import { ownerOf, type View } from "./division";

/** What a replica goes by when it says what is its own. */
export interface Standing {
  /** Its slot. */
  readonly me: number;
  /** What its own Lease says: the replicas among which it divides. */
  readonly published: View;
  /** What it would say now. */
  readonly target: View;
  /** Of each other replica that lives, by slot: what its Lease said when it was read, after `published` had been written. */
  readonly others: ReadonlyMap<number, View>;
}

/**
 * Whether a subject is this replica's to check and write. It is when the replica's Lease has claimed it, nobody has come
 * meanwhile to whom it is to go, and no other one's Lease claims it.
 *
 * Of two replicas that write their claims first and read the other's afterwards, at least one sees the other's: both never
 * have it. What neither has is not checked until the one to whom it no longer belongs says so.
 */
export function isOwn(key: string, { me, published, target, others }: Standing): boolean {
  if (ownerOf(key, published) !== me || ownerOf(key, target) !== me) return false;
  for (const [slot, view] of others) if (ownerOf(key, view) === slot) return false;
  return true;
}

/** Whether all replicas divide in the same way: nothing is on its way from one to another. */
export function isSettled({ published, target, others }: Standing): boolean {
  return isSame(published, target) && [...others.values()].every((view) => isSame(view, target));
}

/** Whether nothing is different. */
export function isSameStanding(one: Standing | undefined, other: Standing | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  if (one.me !== other.me || one.others.size !== other.others.size) return false;
  const isSameOther = ([slot, view]: readonly [number, View]) => isSame(other.others.get(slot) ?? [], view);
  return (
    isSame(one.published, other.published) &&
    isSame(one.target, other.target) &&
    [...one.others].every(isSameOther)
  );
}

/** Whether two views have the same slots. */
export function isSame(one: View, other: View): boolean {
  return one.join() === other.join();
}
