import type { Registry } from "../../director/data";
import { type Dial, runCheck } from "../../health";
import { endsWithin } from "../ends-within";
import type { Pools } from "../pools";

/** More are not asked, and begin as they are remembered: a descriptor each, while the servers that serve are checked too. */
const ASKED_MAX = 256;
/** How long a change waits for them at most, in milliseconds: it may be the undoing of one, and its servers dead. */
const WAIT_MAX_MS = 1_000;
/** For so long one that did not answer is not asked again, in milliseconds: a change that is overtaken is tried again and again. */
const SILENT_MS = 10_000;

/**
 * Servers that were down when they were taken out, and come back soon after that. A change that lets them in has asked them
 * at their gate, and one that is undone has asked nobody; the two look alike here. So they are asked once, before the change
 * has its turn: who answers begins as well, as everybody does whom a gate has let in, and who does not as it is remembered.
 * Otherwise a pool whose servers are all replaced by such ones would be empty until the checks have found them well.
 */
export class Returning {
  /** When those that did not answer were asked, by the monotonic clock and the key of their probe. */
  readonly #silent = new Map<string, number>();

  constructor(private readonly parts: { readonly pools: Pick<Pools, "watch">; readonly dial: Dial }) {}

  /**
   * Fails never, and takes no longer than a second.
   *
   * @param declared what will be declared; only asked for where any server is remembered. What cannot be read is for whoever
   *   makes the change to tell of
   * @returns the names of those that have answered, see {@link Departed.hearing}
   */
  async ask(declared: () => Registry): Promise<ReadonlySet<string>> {
    const { pools, dial } = this.parts;
    const answered = new Set<string>();
    const { departed } = pools.watch;
    if (departed.isEmpty) return answered;
    this.#forgetOld();
    const remembered = departed.returning(readable(declared));
    const asked = [...remembered].filter(([key]) => !this.#silent.has(key)).slice(0, ASKED_MAX);
    const enough = new AbortController();
    const askOne = async ([key, { probe, names }]: (typeof asked)[number]) => {
      this.#silent.set(key, performance.now());
      const { healthy } = await runCheck(probe.check, probe.target, dial, enough.signal);
      if (!healthy || enough.signal.aborted) return;
      this.#silent.delete(key);
      for (const name of names) answered.add(name);
    };
    await endsWithin(WAIT_MAX_MS, Promise.all(asked.map(askOne)));
    enough.abort();
    return answered;
  }

  #forgetOld(): void {
    for (const [key, atMs] of this.#silent)
      if (performance.now() - atMs > SILENT_MS) this.#silent.delete(key);
  }
}

function readable(declared: () => Registry): Registry | undefined {
  try {
    return declared();
  } catch {
    return undefined;
  }
}
