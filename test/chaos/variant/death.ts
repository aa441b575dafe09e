/** Ends the agent that it is a part of, at a point that was named before; once. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { CRASH_FILES, type CrashPoint } from "../crash-points";

/** Whether the agent is to be killed here. */
export function isToDieAt(point: CrashPoint): boolean {
  try {
    return readFileSync(CRASH_FILES.armed, "utf8") === point;
  } catch {
    return false;
  }
}

/** Kills the agent, if this is the point. Nothing of it is done after that, no more than after a kill by anybody else. */
export function dieAt(point: CrashPoint): void {
  if (!isToDieAt(point)) return;
  rmSync(CRASH_FILES.armed);
  writeFileSync(CRASH_FILES.struck, point);
  process.kill(process.pid, "SIGKILL");
}
