import { join } from "node:path";
import type { Log } from "./log";

type Program = typeof import("../kubernetes/main");

/** Defined where everything is one file; see setup/bundle.ts. */
declare const HEYE_BUNDLE: true | undefined;

/** Beside the agent's own file: directors, which have no use for it, are not sent it. */
const FILE =
  typeof HEYE_BUNDLE === "undefined"
    ? join(__dirname, "..", "kubernetes", "main.js")
    : join(__dirname, "heye-kubernetes.js");

/**
 * Runs the controller for Kubernetes. Returns its exit status.
 *
 * @throws Error when its file is not there
 */
export async function runKubernetes(argv: readonly string[], log: Log, version: string): Promise<number> {
  const { kubernetes } = load();
  return kubernetes(argv, log, version);
}

function load(): Program {
  try {
    return require(FILE) as Program;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    throw new Error(`expected the controller in ${FILE}, found none: it is not installed on directors`, {
      cause: error,
    });
  }
}
