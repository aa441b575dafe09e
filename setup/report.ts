/** Every line of the set-up goes to stderr: stdout belongs to the command that the set-up was made for. */
export function say(line: string): void {
  process.stderr.write(`heye: ${line}\n`);
}

/** A duration in milliseconds, as people read it: `0.4 s`, `12 s`, `4 min 31 s`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 100 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/**
 * Runs one step of the set-up between a line that says what begins and a line that says what it cost.
 * A failure is announced likewise and passed on.
 */
export async function step<T>(what: string, run: () => Promise<T>): Promise<T> {
  const start = Date.now();
  say(`${what} ...`);
  try {
    const result = await run();
    say(`${what}: done in ${duration(Date.now() - start)}`);
    return result;
  } catch (error) {
    say(`${what}: failed after ${duration(Date.now() - start)}`);
    throw error;
  }
}

/** Shows that a long step is alive: a line at most every `interval` milliseconds. */
export class Progress {
  readonly #what: string;
  readonly #interval: number;
  readonly #start = Date.now();
  #last = Date.now();

  constructor(what: string, interval = 15_000) {
    this.#what = what;
    this.#interval = interval;
  }

  /** Tells what is being worked on now; shown when the last line is old enough. */
  note(detail: string): void {
    const now = Date.now();
    if (now - this.#last < this.#interval) return;
    this.#last = now;
    say(`${this.#what}: ${duration(now - this.#start)} so far, ${detail}`);
  }
}
