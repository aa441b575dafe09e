/** Removes what a lab left behind, by what it wrote down: never by a pattern. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { readJson } from "./files";
import type { KeeperConfig } from "./keeper/config";
import { isLocked } from "./lock";
import { isMadeUp } from "./name";
import { LABS, type LabPaths, labPaths } from "./paths";
import { gone, isAlive, type ProcessRecord, signal } from "./processes";

/** The recorded processes of a lab that still run. */
export function survivors(paths: LabPaths): ProcessRecord[] {
  return (readJson<ProcessRecord[]>(paths.processes) ?? []).filter(isAlive);
}

/** Is this lab up? Its keeper is alive and has said where everything is. */
export function isUp(paths: LabPaths): boolean {
  return existsSync(paths.inventory) && survivors(paths).some((record) => record.what === "keeper");
}

/**
 * Ends the lab's processes, the keeper first and politely (it takes the rest down), and removes its files, all but
 * the memory of keys and ports. Does nothing for a lab that is down. Throws when a process cannot be ended.
 */
export async function takeDown(paths: LabPaths): Promise<void> {
  const forget = readJson<KeeperConfig>(paths.keeper)?.forget ?? false;
  const records = survivors(paths);
  for (const name of ["SIGTERM", "SIGKILL"] as const) {
    const keepers = records.filter((record) => record.what === "keeper");
    for (const record of name === "SIGTERM" ? keepers : records) signal(record, name);
    const ended = await Promise.all(records.map((record) => gone(record, 5000)));
    if (ended.every(Boolean)) break;
  }
  const left = records.filter(isAlive);
  if (left.length > 0)
    throw new Error(
      `These processes of the lab do not end: ${left.map((r) => `${r.pid} (${r.what})`).join(", ")}`,
    );
  removeFiles(paths, forget);
}

function removeFiles(paths: LabPaths, forget: boolean): void {
  const own = [paths.inventory, paths.control, paths.uml, paths.boot, paths.root, paths.world, paths.keeper];
  const all = [...own, paths.processes, paths.knownHosts, paths.privateKey];
  for (const path of forget ? [paths.dir] : all) rmSync(path, { recursive: true, force: true });
}

/** Names of all labs of this clone, up or down. */
export function labNames(): string[] {
  return existsSync(LABS) ? readdirSync(LABS).sort() : [];
}

/**
 * Removes what is left of labs with a made-up name that nothing runs for any more: their keeper was killed, or they
 * did not come up. Nobody will ever ask for them.
 */
export async function sweepAbandoned(): Promise<void> {
  for (const name of labNames().filter(isMadeUp)) {
    const paths = labPaths(name);
    if (survivors(paths).some((record) => record.what === "keeper") || isLocked(paths)) continue;
    await takeDown(paths);
    rmSync(paths.dir, { recursive: true, force: true });
  }
}
