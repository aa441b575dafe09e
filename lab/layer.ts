/** Finds programs: on the machine, or in the folder of what the machine lacks. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The path of a program on this machine: from the layer when it is there, else the machine's own. `path` starts with usr/. */
export function availableIn(layer: string, path: string): string {
  const inLayer = join(layer, path);
  return existsSync(inLayer) ? inLayer : join("/", path);
}
