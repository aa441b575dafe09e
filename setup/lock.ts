import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { CommandFailed, ToolMissing } from "./errors";
import { duration, say } from "./report";

/** How long we wait in silence before telling that somebody else holds the lock, in milliseconds. */
const PATIENCE = 500;
/** How often a waiting process shows that it is alive, in milliseconds. */
const REMINDER = 30_000;

/**
 * Runs `task` while holding the lock `file`; a second process (or call) waits for the first and says so.
 *
 * The lock is an flock(2), held by a child `flock` whose stdin we keep open. The kernel gives it up when its
 * holder ends, and the child ends when our end of the pipe closes, so there is no stale lock to recognise
 * after a crash or a SIGKILL: no pid to be compared with a reused one, no start time, no time-out to guess.
 * That is why it is not a file created with O_EXCL. The content of the file only names the holder, for
 * people. The file is never removed: between its removal and its creation two processes could both hold it.
 *
 * @throws ToolMissing when there is no flock
 * @throws CommandFailed when the lock file can't be opened
 */
export async function withLock<T>(file: string, what: string, task: () => Promise<T>): Promise<T> {
  // In a process group of its own, or Ctrl-C would end the lock before the work that it guards.
  const holder = spawn("flock", ["--exclusive", file, "sh", "-c", "echo held; exec cat >/dev/null"], {
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  try {
    await held(holder, file, what);
    await writeFile(file, `${process.pid}\n`);
    return await task();
  } finally {
    holder.stdin.end();
  }
}

async function held(holder: ChildProcess, file: string, what: string): Promise<void> {
  const start = Date.now();
  let announced = false;
  const tell = async (): Promise<void> => {
    announced = true;
    const owner = (await readFile(file, "utf8").catch(() => "")).trim() || "unknown";
    say(`${what}: process ${owner} is at it; waiting for it (${duration(Date.now() - start)} so far)`);
  };
  const first = setTimeout(() => void tell(), PATIENCE);
  const reminder = setInterval(() => void tell(), REMINDER);
  try {
    await confirmation(holder, file);
  } finally {
    clearTimeout(first);
    clearInterval(reminder);
  }
  if (announced) say(`${what}: the other process has finished; going on`);
}

async function confirmation(holder: ChildProcess, file: string): Promise<void> {
  const complaints: Buffer[] = [];
  holder.stderr?.on("data", (chunk: Buffer) => complaints.push(chunk));
  const ended = once(holder, "close").then(() => {
    throw new CommandFailed({
      expected: `to lock ${file}`,
      found: Buffer.concat(complaints).toString("utf8").trim() || "flock ended before it held the lock",
      next: "see that the folder exists, belongs to you and lies on a file system with locks",
    });
  });
  const failed = once(holder, "error").then(([error]: unknown[]) => {
    throw new ToolMissing({
      expected: "the program flock on PATH (package util-linux)",
      found: error instanceof Error ? error.message : String(error),
      next: "install util-linux and run the same command again",
    });
  });
  if (holder.stdout === null) throw new TypeError("the lock holder has no stdout");
  await Promise.race([once(holder.stdout, "data"), ended, failed]);
  // The holder ends after the task; by then nobody asks these two any more.
  ended.catch(() => undefined);
  failed.catch(() => undefined);
}
