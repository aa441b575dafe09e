/** A dial that nobody has waited for as long as this no longer keeps a fresh one from being made. */
const STALE_MS = 5_000;
/** Dials to one place that may be pending while nobody but one caller wants it. */
const PENDING_MAX = 2;

/** Something a dial opens. */
interface Closable {
  close(): void;
}

interface Pending<C> {
  readonly opening: Promise<C>;
  readonly since: number;
  wanted: boolean;
}

/**
 * Dials that cannot be called back. In SSH a dial to a silent host stays pending until sshd gives up, long after its
 * caller did; so the next dial to the same place takes over the one that was left behind. A server that has come up
 * meanwhile may answer a new dial sooner than an old one: beside one that has been pending for 5 s, a second is made.
 *
 * Invariant: at most 2 dials to a place are pending, or as many as have callers at the same time. One that opens
 * while nobody wants it is closed.
 */
export class PendingDials<C extends Closable> {
  readonly #places = new Map<string, Set<Pending<C>>>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Waits for a dial to `place` until the signal fires; `open` is called when no earlier one can be taken over. */
  async take(place: string, open: () => Promise<C>, signal: AbortSignal): Promise<C> {
    signal.throwIfAborted();
    const pending = this.#leftBehind(place) ?? this.#open(place, open);
    pending.wanted = true;
    let abort = () => {};
    const aborted = new Promise<never>((_, reject) => {
      abort = () => {
        pending.wanted = false;
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
    });
    try {
      return await Promise.race([pending.opening, aborted]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  #leftBehind(place: string): Pending<C> | undefined {
    const all = [...(this.#places.get(place) ?? [])];
    const newest = all.findLast((one) => !one.wanted);
    if (!newest) return undefined;
    const stale = this.now() - newest.since >= STALE_MS;
    return stale && all.length < PENDING_MAX ? undefined : newest;
  }

  #open(place: string, open: () => Promise<C>): Pending<C> {
    const pending: Pending<C> = { opening: open(), since: this.now(), wanted: true };
    const here = this.#places.get(place) ?? new Set();
    this.#places.set(place, here.add(pending));
    const settled = (opened?: C) => {
      here.delete(pending);
      if (here.size === 0 && this.#places.get(place) === here) this.#places.delete(place);
      if (!pending.wanted) opened?.close();
    };
    pending.opening.then(settled, () => settled());
    return pending;
  }
}
