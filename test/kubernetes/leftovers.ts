/** What a test that fails leaves behind would keep mocha from ending, and lead or share where others are to. */
const endings = new Set<() => unknown>();

/** Has something ended by {@link endLeftovers}, after the last test at the latest, if nobody has done so by then. @returns what forgets it again */
export function endLater(end: () => unknown): () => void {
  endings.add(end);
  return () => endings.delete(end);
}

/** Ends all that is left. */
export function endLeftovers(): void {
  for (const end of endings) end();
  endings.clear();
}
