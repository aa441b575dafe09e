/** Slots of the replicas among which subjects are divided, in ascending order. */
export type View = readonly number[];

/**
 * Which of these slots a subject belongs to, by rendezvous hashing: the slot that gives the key the greatest weight. A slot
 * that comes takes an equal part from each of the others, one that goes leaves its part to all of them, and nothing else
 * moves.
 *
 * @param key the same for all that is to stay together
 * @returns undefined: there is no slot
 */
export function ownerOf(key: string, view: View): number | undefined {
  let owner: number | undefined;
  let heaviest = -1;
  for (const slot of view) {
    const weight = weightOf(slot, key);
    if (weight <= heaviest) continue;
    heaviest = weight;
    owner = slot;
  }
  return owner;
}

/** FNV-1a over slot and key, and the finalizer of MurmurHash3: FNV's high bits hardly depend on the last characters. */
function weightOf(slot: number, key: string): number {
  let hash = Math.imul(0x811c9dc5 ^ slot, 0x01000193);
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
