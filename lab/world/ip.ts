/** `ip -batch` in the network namespace the thread is in, and sysctls. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import type { Sysctls } from "../batches";

/** Runs one batch; every line is tried. Throws with ip's own words and the line numbers when any failed. */
export function ipBatch(lines: readonly string[]): void {
  const result = spawnSync("ip", ["-force", "-batch", "-"], {
    input: `${lines.join("\n")}\n`,
    encoding: "utf8",
  });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`ip -batch: ${result.stderr.trim()} (of ${lines.length} lines)`);
}

/** Writes sysctls of the current network namespace. Throws on the first that the kernel does not take. */
export function setSysctls(sysctls: Sysctls): void {
  for (const [path, value] of sysctls) writeFileSync(`/proc/sys/net/${path}`, value);
}
