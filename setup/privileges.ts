import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { RootNeeded } from "./errors";

const execFileAsync = promisify(execFile);

/** Whether this process runs as root. The lab then needs no user namespace. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Sysctls that forbid user namespaces, with the value that does, and what allows them. */
const FORBIDDING: readonly (readonly [path: string, value: string, allow: string])[] = [
  ["user/max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=10000"],
  ["kernel/unprivileged_userns_clone", "0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"],
  [
    "kernel/apparmor_restrict_unprivileged_userns",
    "1",
    "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
  ],
];

/**
 * Throws unless this user may build the lab: root may, and everybody where the kernel lets users make a user namespace
 * with a network of its own. It is tried, not guessed; the sysctls are read only to explain a refusal.
 *
 * @param command what to run as root instead, for the error's last line
 * @throws RootNeeded
 */
export async function requireLabRights(command: string): Promise<void> {
  if (isRoot()) return;
  try {
    await execFileAsync("unshare", ["--user", "--map-root-user", "--net", "--", "true"]);
  } catch (error) {
    throw refusal(process.getuid?.(), reasonOf(error), readSysctl, command);
  }
}

/** The error for a user who gets no user namespace. `read` yields the text of a file below /proc/sys, or nothing. */
export function refusal(
  uid: number | undefined,
  words: string,
  read: (path: string) => string | undefined,
  command: string,
): RootNeeded {
  const cause = FORBIDDING.find(([path, value]) => read(path)?.trim() === value);
  const name = cause?.[0].replaceAll("/", ".");
  return new RootNeeded({
    expected: "root, or a system where users may make user namespaces: the lab is built in one",
    found: `user ${uid}, and ${cause ? `${name} = ${cause[1]} forbids it` : "this system forbids it"} (${words})`,
    next: cause
      ? `${command}; or allow it: ${cause[2]}`
      : `${command}; in a container, its seccomp or AppArmor profile has to allow unshare(CLONE_NEWUSER)`,
  });
}

function readSysctl(path: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${path}`, "utf8");
  } catch {
    // Which of them there are depends on the kernel and the distribution.
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split("\n").at(-1) ?? text;
}
