/** What a test that fails leaves behind would keep mocha from ending, and lead where others are to lead. */
const endings = new Set<() => unknown>();

/** Has something ended after the last test, if nobody has done so by then. @returns what forgets it again */
export function endLater(end: () => unknown): () => void {
  endings.add(end);
  return () => endings.delete(end);
}

/** Ends all that is left. */
export function endLeftovers(): void {
  for (const end of endings) end();
  endings.clear();
}
