import { setTimeout as delay } from "node:timers/promises";
import type { Site } from "./site";

/** An entry of tens of connections that begins anew has far fewer by the next look. */
const LOOK_MS = 1_000;

/** Watches on all directors whether the entries of a virtual server stay the ones that they are: one that is made anew counts from 0. */
export class EntryWatch {
  readonly #stopped = new AbortController();
  readonly #watching: Promise<string[]>;

  private constructor(
    private readonly site: Site,
    private readonly place: string,
    first: ReadonlyMap<string, number>,
  ) {
    this.#watching = this.#watch(first);
    // Who ends it hears of it.
    this.#watching.catch(() => {});
  }

  /**
   * Returns when it has looked for the first time.
   *
   * @param place of a virtual server of TCP, `192.0.2.10:80`
   */
  static async begin(site: Site, place: string): Promise<EntryWatch> {
    return new EntryWatch(site, place, await counted(site, place));
  }

  /** Looks once more. @returns entries that were made anew or went, by director: the virtual server itself, or its servers */
  end(): Promise<string[]> {
    this.#stopped.abort();
    return this.#watching;
  }

  async #watch(first: ReadonlyMap<string, number>): Promise<string[]> {
    const { signal } = this.#stopped;
    const changed = new Set<string>();
    let before = first;
    for (let isLast = false; !isLast; ) {
      await delay(LOOK_MS, undefined, { signal }).catch(() => {});
      isLast = signal.aborted;
      const now = await counted(this.site, this.place);
      for (const [entry, count] of before) if ((now.get(entry) ?? -1) < count) changed.add(entry);
      before = now;
    }
    return [...changed];
  }
}

/** The connections that each entry has counted, by director and entry. */
async function counted(site: Site, place: string): Promise<ReadonlyMap<string, number>> {
  const all = site.directorNames.map(async (director) => {
    const text = await site.on(director, "ipvsadm", "-Ln", "--stats", "--exact");
    return countsOf(text, place).map(([entry, count]) => [`${director} ${entry}`, count] as const);
  });
  return new Map((await Promise.all(all)).flat());
}

/** Lines are of the virtual server that was named last. */
function countsOf(text: string, place: string): [entry: string, count: number][] {
  const counts: [string, number][] = [];
  let isOurs = false;
  for (const line of text.split("\n")) {
    const [, kind, where = "", connections] = /^(TCP|UDP|FWM| {2}->) +(\S+) +(\d+)/.exec(line) ?? [];
    if (kind === undefined) continue;
    if (kind !== "  ->") isOurs = kind === "TCP" && where === place;
    if (isOurs) counts.push([where, Number(connections)]);
  }
  return counts;
}
