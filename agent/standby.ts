import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";

/** Longest that a program may take, once it has its input. The kernel lists 100,000 entries within a second or two. */
const LIMIT_MS = 30_000;

/** How a program ended, and what it said. */
export interface Ended {
  /** -1: a signal ended it; then it is said in `stderr`. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that has been started and waits for its input. */
interface Started {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
}

/** Runs a program to its end. Rejects when it cannot be started. */
export function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return finish(start(program, args, env), "");
}

/** Gives a program all its input, and waits for its end. */
async function finish({ child, ended }: Started, input: string): Promise<Ended> {
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  child.stdin.end(input);
  try {
    return await ended;
  } finally {
    clearTimeout(timer);
  }
}

function start(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Started {
  const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"] });
  const ended = new Promise<Ended>((resolve, reject) => {
    const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.on("error", reject);
    child.on("close", (status, signal) => {
      const killed =
        signal === null ? "" : `${program} was ended by ${signal} (after ${LIMIT_MS / 1000} s, by us)`;
      resolve({
        status: signal === null ? status : -1,
        stdout: Buffer.concat(stdout).toString("utf8"),
        stderr: `${Buffer.concat(stderr)}${killed}`,
      });
    });
  });
  // Whoever gives it its input hears of it.
  ended.catch(() => undefined);
  // It may end before it has read everything.
  child.stdin.on("error", () => undefined);
  return { child, ended };
}

/**
 * A program that does what its standard input says. One is always started ahead: starting it takes longer than what it
 * does, and a server that has died is sent connections meanwhile. It ends by itself, with nothing done, when we do.
 */
export class Standby {
  #waiting: Started | undefined;

  constructor(
    private readonly program: string,
    private readonly args: readonly string[],
    private readonly env: NodeJS.ProcessEnv,
  ) {
    this.#prepare();
  }

  /** Has the program do this. Rejects when it cannot be started. */
  async run(input: string): Promise<Ended> {
    const started = this.#waiting ?? this.#start();
    this.#waiting = undefined;
    try {
      return await finish(started, input);
    } finally {
      this.#prepare();
    }
  }

  #prepare(): void {
    const started = this.#start();
    this.#waiting = started;
    const forget = () => {
      if (this.#waiting === started) this.#waiting = undefined;
    };
    started.ended.then(forget, forget);
  }

  #start(): Started {
    return start(this.program, this.args, this.env);
  }
}
