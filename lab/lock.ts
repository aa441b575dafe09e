/** One process at a time brings a lab up or down. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { errnoOf, LabBusyError } from "./errors";
import { readJson } from "./files";
import type { LabPaths } from "./paths";
import { isAlive, type ProcessRecord, recordOf } from "./processes";

/** Runs `act` while holding the lab's lock. Throws LabBusyError when another live process holds it; a dead one's is taken. */
export async function withLock<T>(paths: LabPaths, act: () => Promise<T>): Promise<T> {
  take(paths);
  try {
    return await act();
  } finally {
    rmSync(paths.lock, { force: true });
  }
}

/** Does a live process hold the lab's lock? */
export function isLocked(paths: LabPaths): boolean {
  const holder = readJson<ProcessRecord>(paths.lock);
  return holder !== undefined && isAlive(holder);
}

function take(paths: LabPaths): void {
  mkdirSync(paths.dir, { recursive: true, mode: 0o700 });
  const own = JSON.stringify(recordOf(process.pid, process.argv.join(" ")));
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      writeFileSync(paths.lock, own, { flag: "wx", mode: 0o600 });
      return;
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
    }
    const holder = readJson<ProcessRecord>(paths.lock);
    if (holder && isAlive(holder))
      throw new LabBusyError(
        `Process ${holder.pid} (${holder.what}) is bringing this lab up or down. Try again when it is done.`,
      );
    rmSync(paths.lock, { force: true });
  }
  throw new LabBusyError("Another process took this lab's lock at the same moment. Try again.");
}
