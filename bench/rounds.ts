/**
 * Runs every contestant once a round, one after the other and in turn, so that what slows the machine for a while
 * slows all of them.
 *
 * @returns what each gave, by its name, in the order of the rounds
 */
export async function interleaved<T, N extends string>(
  rounds: number,
  contestants: Readonly<Record<N, (round: number) => Promise<T>>>,
): Promise<Record<N, T[]>> {
  const names = Object.keys(contestants) as N[];
  const results = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<N, T[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of names) results[name].push(await contestants[name](round));
  }
  return results;
}

/** Seconds that something took, and what came of it. */
export async function timed<T>(work: () => Promise<T>): Promise<{ readonly s: number; readonly value: T }> {
  const start = performance.now();
  const value = await work();
  return { s: (performance.now() - start) / 1000, value };
}
