/** Programs of this machine in the network of a lab: what its directors are to reach, such as an API server. */
import { isRoot } from "../setup";
import { NoLabError } from "./errors";
import type { LabPaths } from "./paths";
import { survivors } from "./sweep";

/**
 * The command line that runs `program` where the lab's keeper is. nsenter is part of util-linux, as unshare is, by which
 * the keeper was started; the program replaces it, so that it is a child of whoever starts it.
 */
export function besideKeeper(
  paths: LabPaths,
  program: string,
  args: readonly string[],
): [program: string, args: string[]] {
  const keeper = survivors(paths).find((record) => record.what === "keeper");
  if (!keeper) throw new NoLabError(`${program} cannot be run beside the lab of ${paths.dir}: it is not up.`);
  const spaces = isRoot() ? ["--net"] : ["--user", "--preserve-credentials", "--net"];
  return ["nsenter", ["--target", String(keeper.pid), ...spaces, "--", program, ...args]];
}
