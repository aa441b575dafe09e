/** Finds programs: on the machine, or in the folder of what the machine lacks. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** The path of a program on this machine: from the layer when it is there, else the machine's own. `path` starts with usr/. */
export function availableIn(layer: string, path: string): string {
  const inLayer = join(layer, path);
  return existsSync(inLayer) ? inLayer : join("/", path);
}

/** Environment for programs of the layer that are run on this machine itself: their libraries may lie there with them. */
export function layerEnvironment(layer: string): NodeJS.ProcessEnv {
  const triplet = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  return { PATH: process.env.PATH, LD_LIBRARY_PATH: join(layer, "usr/lib", triplet) };
}
