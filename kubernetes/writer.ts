import { ApiError, wordsOf } from "./api-errors";
import { pauseMs } from "./backoff";
import { dueMs } from "./gathering";

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

/** How often it is looked whether writing is allowed again, in ms. */
const FORBIDDEN_MS = 500;

/** An object that is to be written. */
interface Due {
  readonly atMs: number;
  readonly failures: number;
}

/**
 * Writes objects, one write each at a time, as the newest state of things has it when its turn comes. Those that fail are
 * tried again, later each time; one that somebody else has changed meanwhile (409) soon, with what the watch has brought.
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
  #tokens: number = RATE.burst;
  #refilledMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires, in ms. */
  #armedMs = Number.POSITIVE_INFINITY;
  #stopped = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Objects that wait for a write, or are being written. */
  get pending(): number {
    return this.#due.size + this.#writing.size;
  }

  /** Says that an object may need a write. */
  mark(name: string): void {
    if (this.#stopped) return;
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
    if (this.#stopped) return;
    if (!this.#options.mayWrite()) {
      this.#armNext();
      return;
    }
    const nowMs = performance.now();
    this.#refill(nowMs);
    this.#forgetWritten(nowMs);
    for (const [name, due] of this.#due) {
      if (this.#writing.size >= PARALLEL || this.#tokens < 1) break;
      if (due.atMs > nowMs) continue;
      this.#due.delete(name);
      this.#tokens--;
      this.#writing.set(name, this.#write(name, due.failures));
    }
    this.#armNext();
  };

  /** Makes those writes at once that wait for nothing but company, and begins no more. Resolves when all have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const [name, { failures }] of this.#due)
      if (failures === 0 && this.#options.mayWrite()) this.#writing.set(name, this.#write(name, failures));
    this.#due.clear();
    await this.written();
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
      else this.#tokens++;
    } catch (error) {
      const count = failures + 1;
      const againMs = againAfterMs(error, count);
      if (!(error instanceof ApiError && error.isMissing))
        next = { atMs: performance.now() + againMs, failures: count };
      this.#options.onTrouble(name, error, againMs);
    }
    this.#writing.delete(name);
    if (this.#again.delete(name)) next ??= this.#changed(name);
    if (next && !this.#stopped) this.#due.set(name, next);
    this.#armNext();
  }

  #changed(name: string): Due {
    const atMs = dueMs(performance.now(), this.#written.get(name), this.#options.spacingMs);
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

  #refill(nowMs: number): void {
    const gained = ((nowMs - this.#refilledMs) * RATE.perSecond) / 1_000;
    this.#tokens = Math.min(RATE.burst, this.#tokens + gained);
    this.#refilledMs = nowMs;
  }

  #armNext(): void {
    let atMs = Number.POSITIVE_INFINITY;
    for (const due of this.#due.values()) atMs = Math.min(atMs, due.atMs);
    if (atMs < Number.POSITIVE_INFINITY) this.#arm(atMs);
  }

  /** Sees to it that what is due then is looked at then, or as soon as it may be written. */
  #arm(atMs: number): void {
    if (this.#stopped || this.#writing.size >= PARALLEL) return;
    const nowMs = performance.now();
    const tokenMs = this.#tokens >= 1 ? 0 : ((1 - this.#tokens) * 1_000) / RATE.perSecond;
    const waitMs = this.#options.mayWrite() ? 0 : FORBIDDEN_MS;
    const inMs = Math.max(atMs - nowMs, tokenMs, waitMs, 1);
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
