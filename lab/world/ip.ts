/** `ip -batch`, iptables and sysctls in the network namespace the thread is in. */
import { writeFileSync } from "node:fs";
import type { Sysctls } from "../batches";
import { run } from "./run";

/** Runs one batch; every line is tried. Throws with ip's own words and the line numbers when any failed. */
export function ipBatch(lines: readonly string[]): void {
  const { status, stderr } = run("ip", ["-force", "-batch", "-"], `${lines.join("\n")}\n`);
  if (status !== 0) throw new Error(`ip -batch: ${stderr.trim()} (of ${lines.length} lines)`);
}

/** Runs one batch of tc. Throws as {@link ipBatch} does. */
export function tcBatch(lines: readonly string[]): void {
  const { status, stderr } = run("tc", ["-force", "-batch", "-"], `${lines.join("\n")}\n`);
  if (status !== 0) throw new Error(`tc -batch: ${stderr.trim()} (of ${lines.length} lines)`);
}

/** Writes sysctls of the current network namespace. Throws on the first that the kernel does not take. */
export function setSysctls(sysctls: Sysctls): void {
  for (const [path, value] of sysctls) writeFileSync(`/proc/sys/net/${path}`, value);
}

/** Runs iptables for both families in the current network. Throws with its words. */
export function iptables(rule: (family: "v4" | "v6") => readonly string[]): void {
  for (const [program, family] of [
    ["iptables-legacy", "v4"],
    ["ip6tables-legacy", "v6"],
  ] as const) {
    const { status, stderr } = run(program, ["-w", ...rule(family)]);
    if (status !== 0) throw new Error(`${program}: ${stderr.trim()}`);
  }
}
