/**
 * Runs a short program to its end, in the namespaces the thread is in.
 *
 * Not by Node's spawnSync: that forks, and in a user-mode Linux guest copying this process's page tables takes three
 * times as long as the program. posix_spawn copies nothing.
 */
import { closeSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import koffi from "koffi";

/** What came of it. */
export interface Outcome {
  /** As waitpid gives it: 0 for success. */
  readonly status: number;
  readonly stderr: string;
}

/** Folder of the files that stand in for pipes. */
const SCRATCH = "/run/heye";
const LONGEST_COMPLAINT = 64 * 1024;
/** posix_spawn_file_actions_t is opaque; 80 bytes on every glibc so far. */
const ACTIONS_SIZE = 256;

const libc = koffi.load("libc.so.6");
const functions = {
  init: libc.func("int posix_spawn_file_actions_init(void *actions)"),
  dup2: libc.func("int posix_spawn_file_actions_adddup2(void *actions, int from, int to)"),
  destroy: libc.func("int posix_spawn_file_actions_destroy(void *actions)"),
  spawn: libc.func(
    "int posix_spawnp(_Out_ int *pid, const char *file, void *actions, void *attributes, const char **argv, const char **envp)",
  ),
  wait: libc.func("int waitpid(int pid, _Out_ int *status, int options)"),
};

/** Runs `program` with text as its standard input. Throws when it cannot be started. */
export function run(program: string, argv: readonly string[], input = ""): Outcome {
  mkdirSync(SCRATCH, { recursive: true });
  const stdin = openSync(`${SCRATCH}/stdin`, "w+");
  const stdout = openSync("/dev/null", "w");
  const stderr = openSync(`${SCRATCH}/stderr`, "w+");
  const read = openSync(`${SCRATCH}/stdin`, "r");
  try {
    writeSync(stdin, input);
    const status = wait(spawn(program, argv, [read, stdout, stderr]));
    const buffer = Buffer.alloc(LONGEST_COMPLAINT);
    return { status, stderr: buffer.toString("utf8", 0, readSync(stderr, buffer, 0, buffer.length, 0)) };
  } finally {
    for (const fd of [stdin, stdout, stderr, read]) closeSync(fd);
  }
}

function spawn(program: string, argv: readonly string[], streams: readonly number[]): number {
  const actions = Buffer.alloc(ACTIONS_SIZE);
  functions.init(actions);
  for (const [to, from] of streams.entries()) functions.dup2(actions, from, to);
  const pid: [number] = [0];
  const environment = [`PATH=${process.env.PATH ?? ""}`, "LANG=C.UTF-8", null];
  const error: number = functions.spawn(pid, program, actions, null, [program, ...argv, null], environment);
  functions.destroy(actions);
  if (error !== 0) throw new Error(`${program} could not be started: errno ${error}`);
  return pid[0];
}

/** Node reaps only the children it has started itself, so this one is ours. */
function wait(pid: number): number {
  const status: [number] = [0];
  const interrupted = 4;
  while (functions.wait(pid, status, 0) < 0) {
    if (koffi.errno() !== interrupted) throw new Error(`waitpid: errno ${koffi.errno()}`);
  }
  return status[0];
}
