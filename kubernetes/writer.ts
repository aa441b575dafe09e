import { ApiError, wordsOf } from "./api-errors";
import { pauseMs } from "./backoff";
import { dueMs } from "./gathering";
import { Rate } from "./rate";

/** What a {@link Writer} works with. */
export interface WriterOptions {
  /**
   * Makes the one write that an object needs as it stands now, if it needs one.
   *
   * @returns whether there was anything to write
   * @throws ApiError when it is refused
   */
  readonly write: (name: string) => Promise<boolean>;
  /** Whether anything may be written now. What is due waits until it may. */
  readonly mayWrite: () => boolean;
  /** The least time from one write of an object to its next, in ms (gathering.ts). */
  readonly spacingMs: number;
  /** Told of a write that was refused, and when it is tried again, in ms from now. */
  readonly onTrouble: (name: string, error: unknown, againMs: number) => void;
}

/** Writes on their way at the same time. */
const PARALLEL = 8;
/** Writes a second in the long run, and at once after a pause. */
const RATE = { perSecond: 100, burst: 200 } as const;

/** How long a writer that ends goes on beginning writes, in ms. */
const ENDING_MS = 5_000;

/** How often it is looked whether writing is allowed again, in ms. */
const FORBIDDEN_MS = 500;

/** An object that is to be written. */
interface Due {
  readonly atMs: number;
  readonly failures: number;
}

/**
 * Writes objects, one write each at a time, as the newest state of things has it when its turn comes. Those that fail are
 * tried again, later each time; one that somebody else has changed meanwhile (409) soon, with what it is by then.
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly #due = new Map<string, Due>();
  /** Writes on their way; they never reject. */
  readonly #writing = new Map<string, Promise<void>>();
  /** When objects were written, the oldest first, as long as that matters. */
  readonly #written = new Map<string, number>();
  /** Objects that have changed while they were being written. */
  readonly #again = new Set<string>();
  readonly #rate = new Rate(RATE.perSecond, RATE.burst);
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires, in ms. */
  #armedMs = Number.POSITIVE_INFINITY;
  /** When it begins no more writes, in ms: it is to end. */
  #lastMs = Number.POSITIVE_INFINITY;
  readonly #onEnd: (() => void)[] = [];

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Objects that wait for a write, or are being written. */
  get pending(): number {
    return this.#due.size + this.#writing.size;
  }

  /** Says that an object may need a write. */
  mark(name: string): void {
    if (this.#isEnding) return;
    if (this.#writing.has(name)) this.#again.add(name);
    else if (!this.#due.has(name)) {
      const due = this.#changed(name);
      this.#due.set(name, due);
      this.#arm(due.atMs);
    }
  }

  /** Says that an object is gone: nothing is to be written any more. */
  forget(name: string): void {
    this.#due.delete(name);
    this.#again.delete(name);
  }

  readonly #work = (): void => {
    this.#armedMs = Number.POSITIVE_INFINITY;
    this.#settle();
    if (!this.#options.mayWrite()) {
      this.#armNext();
      return;
    }
    const nowMs = performance.now();
    this.#forgetWritten(nowMs);
    for (const [name, due] of this.#due) {
      if (this.#writing.size >= PARALLEL) break;
      if (due.atMs > nowMs) continue;
      if (!this.#rate.take()) break;
      this.#due.delete(name);
      this.#writing.set(name, this.#write(name, due.failures));
    }
    this.#armNext();
  };

  /**
   * Makes what waits for nothing but company, what has changed during its write, and what is to be tried again soon; for 5 s at
   * most, and as long as it may. Resolves when no write is on its way.
   */
  async stop(): Promise<void> {
    const nowMs = performance.now();
    this.#lastMs = Math.min(this.#lastMs, nowMs + ENDING_MS);
    for (const [name, due] of this.#due) if (due.failures === 0) this.#due.set(name, { ...due, atMs: nowMs });
    const ended = new Promise<void>((resolve) => this.#onEnd.push(resolve));
    clearTimeout(this.#timer);
    this.#work();
    await ended;
  }

  get #isEnding(): boolean {
    return this.#lastMs < Number.POSITIVE_INFINITY;
  }

  /** Of a writer that ends: drops what cannot be written any more. When nothing is left, it has ended. */
  #settle(): void {
    if (!this.#isEnding) return;
    const isOver = performance.now() > this.#lastMs || !this.#options.mayWrite();
    for (const [name, { atMs }] of this.#due) if (isOver || atMs > this.#lastMs) this.#due.delete(name);
    if (this.pending === 0) for (const resolve of this.#onEnd.splice(0)) resolve();
  }

  /** Resolves when those writes have ended that are on their way now. */
  async written(): Promise<void> {
    await Promise.all(this.#writing.values());
  }

  async #write(name: string, failures: number): Promise<void> {
    let next: Due | undefined;
    const begunMs = performance.now();
    try {
      const wrote = await this.#options.write(name);
      if (wrote) this.#noteWritten(name, begunMs);
      else this.#rate.giveBack();
    } catch (error) {
      const count = failures + 1;
      const againMs = againAfterMs(error, count);
      if (!(error instanceof ApiError && error.isMissing))
        next = { atMs: performance.now() + againMs, failures: count };
      this.#options.onTrouble(name, error, againMs);
    }
    this.#writing.delete(name);
    if (this.#again.delete(name)) next ??= this.#changed(name);
    if (next) this.#due.set(name, next);
    this.#settle();
    this.#armNext();
  }

  #changed(name: string): Due {
    const nowMs = performance.now();
    const atMs = this.#isEnding ? nowMs : dueMs(nowMs, this.#written.get(name), this.#options.spacingMs);
    return { atMs, failures: 0 };
  }

  #noteWritten(name: string, begunMs: number): void {
    this.#written.delete(name);
    this.#written.set(name, begunMs);
  }

  #forgetWritten(nowMs: number): void {
    for (const [name, writtenMs] of this.#written) {
      if (nowMs - writtenMs < this.#options.spacingMs) break;
      this.#written.delete(name);
    }
  }

  #armNext(): void {
    let atMs = Number.POSITIVE_INFINITY;
    for (const due of this.#due.values()) atMs = Math.min(atMs, due.atMs);
    if (atMs < Number.POSITIVE_INFINITY) this.#arm(atMs);
  }

  /** Sees to it that what is due then is looked at then, or as soon as it may be written. */
  #arm(atMs: number): void {
    if (this.#writing.size >= PARALLEL) return;
    const nowMs = performance.now();
    const waitMs = this.#options.mayWrite() ? 0 : FORBIDDEN_MS;
    const inMs = Math.max(atMs - nowMs, this.#rate.waitMs, waitMs, 1);
    if (nowMs + inMs >= this.#armedMs) return;
    clearTimeout(this.#timer);
    this.#armedMs = nowMs + inMs;
    this.#timer = setTimeout(this.#work, inMs);
  }
}

/** A server that has just started knows no roles yet, and forbids everything: that passes, too. */
function againAfterMs(error: unknown, failures: number): number {
  return pauseMs(failures, error instanceof ApiError ? error.retryAfterMs : 0);
}

/** The words of a refusal for a log line. */
export function refusalOf(error: unknown): { readonly error: string; readonly status?: number } {
  return { error: wordsOf(error), ...(error instanceof ApiError && { status: error.status }) };
}
