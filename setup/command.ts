import { type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { CommandFailed, ToolMissing } from "./errors";

/** How a program is to be run. */
export interface CommandOptions {
  readonly cwd?: string;
  /** The whole environment of the child; ours by default. */
  readonly env?: NodeJS.ProcessEnv;
  /** Called with each line of stderr while the program runs. */
  readonly onLine?: (line: string) => void;
  /** Milliseconds after which the program is ended; no limit by default. */
  readonly timeout?: number;
  /** What to do when the program fails, for the error's last line. */
  readonly next?: string;
}

/** The last lines of stderr that an error quotes: enough for a cause, short enough to be read. */
const QUOTED_LINES = 15;

/**
 * Runs a program to its end and returns what it wrote to stdout.
 *
 * Arguments reach the program as they are, no shell is involved. The child dies with us even when we are
 * killed (see {@link leashed}), so that an interrupted build does not go on in the background.
 *
 * @throws ToolMissing when there is no such program
 * @throws CommandFailed when it ends with anything but status 0
 */
export async function run(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const [file, argv] = leashed(program, args);
  const child = spawn(file, argv, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: options.timeout,
    killSignal: "SIGKILL",
  });
  const [output, complaints, end] = await Promise.all([
    collect(child.stdout),
    lastLines(child.stderr, options.onLine),
    once(child, "close").catch((error: NodeJS.ErrnoException) => error),
  ]);
  if (end instanceof Error) throw missing(program, end);
  const [code, signal] = end as [number | null, NodeJS.Signals | null];
  if (code === 0) return output;
  if (code === NOT_FOUND && complaints.some((line) => line.startsWith("setpriv:"))) throw missing(program);
  throw new CommandFailed({
    expected: `\`${[program, ...args].join(" ")}\` to succeed`,
    found: [code === null ? `it was ended by ${signal}` : `it ended with status ${code}`, ...complaints].join(
      "\n    ",
    ),
    next: options.next ?? "read its own words above; run the same command again when the cause is gone",
  });
}

/** The status with which env, setpriv and shells report that a program does not exist. */
const NOT_FOUND = 127;

/**
 * The command line that runs `program` so that the kernel kills it when this process is gone, whatever ended
 * us. Without it a build whose parent got SIGKILL goes on for minutes and takes the processor from its
 * successor. setpriv is part of util-linux, which every Debian has.
 */
export function leashed(program: string, args: readonly string[]): [string, string[]] {
  return ["setpriv", ["--pdeathsig", "KILL", "--", program, ...args]];
}

/** How a program runs in our place. */
export interface ForegroundOptions {
  /** Milliseconds after which it gets SIGTERM; none by default. */
  readonly limit?: number;
  /** An open file that takes what it prints; our own output by default. */
  readonly output?: number;
}

/**
 * Runs a program in our place: our terminal is its terminal, and its end is ours. Signals from the terminal
 * reach it anyway; we outlive them, so that it can clean up before the prompt returns. SIGTERM is passed on.
 *
 * @returns its exit status as a shell would give it
 * @throws ToolMissing when there is no such program
 */
export async function foreground(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  { limit, output }: ForegroundOptions = {},
): Promise<number> {
  const stdio: StdioOptions = output === undefined ? "inherit" : ["ignore", output, output];
  const child = spawn(program, args, { env, stdio, timeout: limit });
  const outlive = (): void => undefined;
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on("SIGINT", outlive);
  process.on("SIGTERM", pass);
  try {
    const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    return exitStatus(code, signal);
  } catch (error) {
    throw missing(program, error instanceof Error ? error : undefined);
  } finally {
    process.off("SIGINT", outlive);
    process.off("SIGTERM", pass);
  }
}

/** The status that a shell would give for a child's end: its code, or 128 and the number of its signal. */
export function exitStatus(code: number | null, signal: NodeJS.Signals | null): number {
  if (code !== null) return code;
  return 128 + (signal === null ? 0 : constants.signals[signal]);
}

function missing(program: string, cause?: Error): ToolMissing {
  return new ToolMissing(
    {
      expected: `the program ${program} on PATH`,
      found: cause === undefined ? "no such program" : cause.message,
      next: `install ${program} and run the same command again`,
    },
    { cause },
  );
}

async function collect(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

async function lastLines(stream: Readable, onLine?: (line: string) => void): Promise<string[]> {
  const kept: string[] = [];
  for await (const line of createInterface({ input: stream })) {
    onLine?.(line);
    kept.push(line);
    if (kept.length > QUOTED_LINES) kept.shift();
  }
  return kept;
}
