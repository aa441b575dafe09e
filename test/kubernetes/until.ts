import { setTimeout as delay } from "node:timers/promises";

/** How long tests wait for what is to come, in ms: far longer than it takes on a machine that is busy. */
const PATIENCE_MS = 60_000;

/**
 * Waits until a question has an answer, and returns it: anything but undefined and false.
 *
 * @param what in words, for the error
 * @throws Error when it has none for too long; with what `seen` shows
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  seen: () => unknown = () => "",
): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end)
      throw new Error(`waited in vain until ${what}\n${JSON.stringify(await seen(), null, 1)}`);
    await delay(50);
  }
}
