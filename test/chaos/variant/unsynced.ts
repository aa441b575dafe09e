/** What had been in the place of files whose change is not known to be on the disk yet: loss of power may bring it back. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ABSENT, UNSYNCED_FOLDER } from "../crash-points";

/** Paths whose content has been synced since it was written, or that are gone for good. */
const whole = new Set<string>();

/** A file's content is on the disk. */
export function contentSynced(path: string): void {
  whole.add(path);
}

/** A file is about to be replaced by another one, or removed. */
export function leaving(path: string, by: string | undefined): void {
  remember(path);
  if (by === undefined || whole.delete(by)) whole.add(path);
  else whole.delete(path);
}

/** A folder's names are on the disk: what has been whole under them stays. */
export function namesSynced(folder: string): void {
  for (const name of existsSync(UNSYNCED_FOLDER) ? readdirSync(UNSYNCED_FOLDER) : []) {
    const path = pathOf(name.replace(ABSENT, ""));
    if (dirname(path) === folder && whole.has(path)) rmSync(join(UNSYNCED_FOLDER, name));
  }
}

/** Of several changes that are not synced the content before the first is what is on the disk. */
function remember(path: string): void {
  const kept = join(UNSYNCED_FOLDER, nameOf(path));
  if (existsSync(kept) || existsSync(`${kept}${ABSENT}`)) return;
  mkdirSync(UNSYNCED_FOLDER, { recursive: true });
  if (!existsSync(path)) {
    writeFileSync(`${kept}${ABSENT}`, "");
    return;
  }
  const draft = `${UNSYNCED_FOLDER}.new`;
  writeFileSync(draft, readFileSync(path));
  renameSync(draft, kept);
}

/** In one folder, whatever folders they are in: no path of ours has the sign. */
function nameOf(path: string): string {
  return path.replaceAll("/", "%");
}

function pathOf(name: string): string {
  return name.replaceAll("%", "/");
}
