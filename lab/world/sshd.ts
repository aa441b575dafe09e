/** The sshd of a director: stops, starts and hangs it. Sessions that are open go on in any case. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { NODE_ENVIRONMENT } from "./environment";
import { execute } from "./exec";
import type { NodeSpace } from "./spaces";

/**
 * How an sshd can hang: it accepts connections and never says a word; or it lets one log in, and what is run in that
 * session never ends.
 */
export const HANG_STAGES = ["banner", "command"] as const;

/** One of {@link HANG_STAGES}. */
export type HangStage = (typeof HANG_STAGES)[number];

/** What an sshd runs on. */
export interface SshdHost {
  readonly node: { readonly name: string };
  readonly space: NodeSpace;
}

/** Resolves when the sshd that writes to this process's stderr listens; rejects with its words when it ends. */
export function sshdListens(name: string, sshd: ChildProcess & { readonly stderr: Readable }): Promise<void> {
  return new Promise((resolve, reject) => {
    const words: string[] = [];
    createInterface({ input: sshd.stderr }).on("line", (line) => {
      if (line.startsWith("Server listening on")) resolve();
      else if (words.length < 20) words.push(line);
    });
    sshd.on("exit", () => reject(new Error(`${name} ended: ${words.join("; ")}`)));
  });
}

/** Resolves when anybody accepts SSH connections there; rejects with the words of its PID 1 when that ends. */
export function sshIsThere(
  host: SshdHost,
  init: ChildProcess & { readonly stderr: Readable },
): Promise<void> {
  const { name } = host.node;
  const words: string[] = [];
  createInterface({ input: init.stderr }).on("line", (line) => words.length < 20 && words.push(line));
  const ended = new Promise<never>((_, reject) => {
    init.on("exit", () => reject(new Error(`${name} ended: ${words.join("; ")}`)));
  });
  const script = "until (: <>/dev/tcp/127.0.0.1/22) 2>/dev/null; do sleep 0.2; done";
  const argv = ["bash", "-c", script];
  const heard = execute(host.space, { node: name, argv, timeoutMs: 120_000 }).then(({ code, stderr }) => {
    if (code !== 0) throw new Error(`${name} takes no SSH connection: ${stderr}${words.join("; ")}`);
  });
  return Promise.race([heard, ended]);
}

/** Starts sshd and returns when it listens. There must be none. */
export async function startSshd(host: SshdHost, options: readonly string[] = []): Promise<void> {
  const argv = ["-D", "-e", "-f", "/etc/ssh/sshd_config", ...options];
  const sshd = host.space.within(() =>
    spawn("/usr/sbin/sshd", argv, { env: NODE_ENVIRONMENT, cwd: "/", stdio: ["ignore", "ignore", "pipe"] }),
  );
  await sshdListens(`sshd of ${host.node.name}`, sshd);
}

/** Ends the listening sshd, if there is one, hanging or not. */
export async function stopSshd(host: SshdHost): Promise<void> {
  const pid = await sshdPid(host);
  if (pid === undefined) return;
  // Inside, because the number means something there only; sshd removes its pid file when it ends.
  // One that is stopped hears the first signal with the second; any other may be gone by then.
  const script =
    'kill "$0" || exit; kill -CONT "$0" 2>/dev/null; while [ -e /run/sshd.pid ]; do sleep 0.02; done';
  await inShell(host, script, pid);
}

/** Makes a running sshd hang. Up to 128 connections are accepted at the stage `banner`, as its queue is that long. */
export async function hangSshd(host: SshdHost, stage: HangStage): Promise<void> {
  await stopSshd(host);
  if (stage === "command") return startSshd(host, ["-o", "ForceCommand=sleep infinity"]);
  await startSshd(host);
  // The kernel goes on accepting for a process that is stopped.
  await inShell(host, 'kill -STOP "$0"', (await sshdPid(host)) ?? "none");
}

async function sshdPid(host: SshdHost): Promise<string | undefined> {
  const { stdout } = await execute(host.space, {
    node: host.node.name,
    argv: ["cat", "/run/sshd.pid"],
  });
  return stdout.trim() || undefined;
}

async function inShell(host: SshdHost, script: string, argument: string): Promise<void> {
  const argv = ["sh", "-c", script, argument];
  const { code, stderr } = await execute(host.space, { node: host.node.name, argv });
  if (code !== 0) throw new Error(`sshd of ${host.node.name}: ${stderr}`);
}
