import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { AGENT_FILES } from "../director/agent-files";

/** The agent's own command on a director. */
const COMMAND = AGENT_FILES.command;

/** Which directors are asked. */
export interface Where {
  readonly lab?: string | undefined;
  readonly host?: string[] | undefined;
  readonly director?: string[] | undefined;
}

/** What an agent's command ended with. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A director whose agent can be asked. */
export interface Asked {
  readonly name: string;
  /** Runs the agent's command with these words to its end. They hold no single quotes. */
  run(words: readonly string[]): Promise<Ended>;
  /** The same, a line of its output at a time, for one that does not end by itself. */
  lines(words: readonly string[]): AsyncIterable<string>;
}

/** What is wrong with it; undefined: nothing. ssh hands words to a shell, so they are looked at before. */
export function whereProblem({ lab, host: hosts }: Where): string | undefined {
  if ((lab === undefined) === (hosts === undefined)) return "expected --lab or --host";
  return hosts?.map(hostProblem).find((one) => one !== undefined);
}

/** Why a text is no login that ssh may be given; undefined: it is one. */
export function hostProblem(host: string): string | undefined {
  const isHost = /^[A-Za-z0-9_][A-Za-z0-9_.@:[\]-]*$/.test(host);
  return isHost ? undefined : `expected [USER@]HOST, found ${JSON.stringify(host)}`;
}

/** The directors of a lab, or hosts by their names. */
export async function directorsAt({ lab, host, director }: Where): Promise<Asked[]> {
  if (lab === undefined) return (host ?? []).map(overSsh);
  const { Lab } = await import("../lab/index.js");
  const running = Lab.attach(lab);
  const all = running.inventory.directors.map(({ name }) => name);
  return (director?.map((name) => directorAmong(all, name)) ?? all).map((name) => ({
    name,
    run: (words) => endOf(running.exec(name, [COMMAND, ...words])),
    lines: (words) => repeated(() => endOf(running.exec(name, [COMMAND, ...words, "--once"]))),
  }));
}

/** A name of a lab's director, as somebody has typed it. Throws when there is none of that name. */
export function directorAmong(all: readonly string[], name: string): string {
  if (all.includes(name)) return name;
  throw new Error(`--director: expected one of ${all.join(", ")}, found ${JSON.stringify(name)}`);
}

/** How a command in a lab has ended; one that took too long has failed on that director, and says nothing of the others. */
export async function endOf(
  running: Promise<{ code: number | null; stdout: string; stderr: string }>,
): Promise<Ended> {
  try {
    const { code, stdout, stderr } = await running;
    return { code: code ?? 1, stdout, stderr: saidWithoutAgent(stderr) };
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "ExecTimeoutError") throw error;
    return { code: 1, stdout: "", stderr: `${error.message}\n` };
  }
}

/**
 * What a director without an agent says, as somebody understands who has not put it there. Other words stay as they are.
 *
 * @param stderr of the lab, which starts the command itself, or of a shell there
 */
export function saidWithoutAgent(stderr: string): string {
  // Behind its path: a file that the agent's command misses is told behind its name.
  const missing = /\/heye-agent:? (ENOENT|No such file or directory|not found)/;
  if (!missing.test(stderr)) return stderr;
  return `no agent is installed there (no ${COMMAND}); only a Cluster with \`mode: "agent"\` has agents to ask\n`;
}

/** A command again and again: a lab's commands end before their output is told. Throws Error with the words of one that failed. */
export async function* repeated(run: () => Promise<Ended>): AsyncGenerator<string> {
  for (;;) {
    const { code, stdout, stderr } = await run();
    if (code !== 0) throw new Error(stderr.trim());
    yield stdout.trim();
  }
}

function overSsh(host: string): Asked {
  const start = (words: readonly string[]) => {
    const quoted = words.map((word) => `'${word}'`);
    const options = ["-o", "BatchMode=yes", "--", host, COMMAND, ...quoted];
    return spawn("ssh", options, { stdio: ["ignore", "pipe", "pipe"] });
  };
  return {
    name: host,
    run: async (words) => {
      const child = start(words);
      const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
      child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
      child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
      const [code] = (await once(child, "close")) as [number | null];
      const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString("utf8");
      return { code: code ?? 1, stdout: text(stdout), stderr: saidWithoutAgent(text(stderr)) };
    },
    lines: (words) => linesOf(start(words)),
  };
}

/** What is kept of what a command complains of, in characters: the end of it says why it ended. */
const COMPLAINT_MAX = 4_096;

/** The lines of a command until it ends. Throws Error with its words when it has failed. */
async function* linesOf(child: ChildProcessByStdio<null, Readable, Readable>): AsyncGenerator<string> {
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint = `${complaint}${text}`.slice(-COMPLAINT_MAX);
  });
  const closed = once(child, "close").catch((error: Error) => error);
  let isOver = false;
  try {
    yield* createInterface({ input: child.stdout });
    isOver = true;
  } finally {
    // Whoever takes no more lines, because he cannot read them, leaves nothing running.
    if (!isOver) child.kill();
  }
  const end = await closed;
  if (end instanceof Error) throw end;
  if (end[0] !== 0) throw new Error(saidWithoutAgent(complaint).trim() || `it ended with status ${end[0]}`);
}
