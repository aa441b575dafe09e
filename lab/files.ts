/** JSON files that are never half written. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { errnoOf } from "./errors";

/** Writes JSON for the owner's eyes only; readers see the old file or the new one. */
export function writeJson(path: string, value: unknown): void {
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, path);
}

/** Reads JSON that this lab wrote; undefined when the file is not there. */
export function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
