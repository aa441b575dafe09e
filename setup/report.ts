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

/** How often a long step shows that it is alive, in milliseconds. */
const HEARTBEAT = 15_000;

/**
 * Runs a long task and shows now and then that it is alive, with what it is at. The task tells that through
 * the function it is given, as often as it likes.
 */
export async function withProgress<T>(
  what: string,
  task: (note: (detail: string) => void) => Promise<T>,
  heartbeat = HEARTBEAT,
): Promise<T> {
  const start = Date.now();
  let current = "starting";
  const timer = setInterval(
    () => say(`${what}: ${duration(Date.now() - start)} so far, ${current}`),
    heartbeat,
  );
  try {
    return await task((detail) => {
      current = detail;
    });
  } finally {
    clearInterval(timer);
  }
}
