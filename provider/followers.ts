import { setTimeout as delay } from "node:timers/promises";
import type { Director } from "../director";
import type { Behind } from "./reach";

/** How long a director that is alive may take to apply what the others have: it hears of it at once, or looks within seconds. */
const LIMIT_MS = 15_000;
const LOOK_EVERY_MS = 250;

/**
 * Directors that could not be reached, without those that have followed all the same: where a cluster shares an etcd, whoever is
 * alive applies what the others have agreed on, and says so there.
 *
 * @param reached directors that hold the change
 * @param behind those that were left out of it, and why
 */
export async function stillBehind(
  reached: readonly Director[],
  behind: Behind,
  limitMs = LIMIT_MS,
): Promise<Behind> {
  const [witness] = reached.filter(({ mode }) => mode === "agent");
  if (!witness || Object.keys(behind).length === 0) return behind;
  const end = performance.now() + limitMs;
  const first = await wordsOf(witness);
  if (!first) return behind;
  const { revision } = first;
  for (let heard: typeof first | undefined = first; ; heard = await wordsOf(witness)) {
    const alive = new Map(heard?.directors.map((one) => [one.director, one]));
    const isLate = (name: string) => (alive.get(name)?.revision ?? revision) < revision;
    if (Object.keys(behind).some(isLate) && performance.now() < end) {
      await delay(LOOK_EVERY_MS);
      continue;
    }
    const left = Object.entries(behind).flatMap(([name, reason]): [string, string][] => {
      const word = alive.get(name);
      if (!word) return [[name, reason]];
      if (isLate(name))
        return [[name, `${reason} It is alive, and has not applied revision ${revision} yet.`]];
      return word.troubles.length === 0 ? [] : [[name, `${reason} It says: ${word.troubles.join("; ")}`]];
    });
    return Object.fromEntries(left);
  }
}

/** undefined: it shares with nobody, or does not say. */
function wordsOf(director: Director) {
  return director.plane().catch(() => undefined);
}
