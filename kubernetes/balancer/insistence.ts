/** How long after a write the same one may be made again, in ms: at first, and when it was undone again and again. */
const AGAIN_MS = { first: 1_000, longest: 60_000 } as const;
/** What has stood for so long, in ms, was not undone by somebody who goes on doing that. */
const STOOD_MS = 600_000;
/** So often in a row it has to be undone before that is told. */
const TOLD = 4;

interface Written {
  readonly text: string;
  readonly atMs: number;
  /** How often in a row it was written again, because somebody had undone it. */
  readonly again: number;
}

/** Keeps two who write the same field from taking turns for ever: whatever is undone is written again, later each time. */
export class Insistence {
  /** What was written last, by the object's uid. */
  readonly #written = new Map<string, Written>();

  /** Whether something may be written now; not, if the same was written a moment ago. */
  allows(uid: string, text: string, nowMs: number): boolean {
    const last = this.#written.get(uid);
    if (last?.text !== text) return true;
    return nowMs - last.atMs >= Math.min(AGAIN_MS.longest, AGAIN_MS.first * 2 ** last.again);
  }

  /** Says that it was written. @returns whether somebody goes on undoing it */
  wrote(uid: string, text: string, nowMs: number): boolean {
    const last = this.#written.get(uid);
    const isAgain = last?.text === text && nowMs - last.atMs < STOOD_MS;
    const again = isAgain ? last.again + 1 : 0;
    this.#written.set(uid, { text, atMs: nowMs, again });
    return again >= TOLD;
  }

  /** Forgets all objects but these. */
  keep(uids: ReadonlySet<string>): void {
    for (const uid of this.#written.keys()) if (!uids.has(uid)) this.#written.delete(uid);
  }
}
