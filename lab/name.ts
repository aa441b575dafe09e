/** Names of labs. */
import { randomBytes } from "node:crypto";
import { LabInputError } from "./errors";
import { type LabPaths, labPaths } from "./paths";

/** A name for a lab that nobody will ask for by name. */
export function madeUpName(): string {
  return `t-${randomBytes(4).toString("hex")}`;
}

/** Is it one of {@link madeUpName}? */
export function isMadeUp(name: string): boolean {
  return /^t-[0-9a-f]{8}$/.test(name);
}

/** The paths of the lab of this name. Throws LabInputError for what cannot be a name. */
export function pathsOf(name: string): LabPaths {
  if (/^[a-z0-9][a-z0-9-]{0,29}$/i.test(name)) return labPaths(name);
  throw new LabInputError(
    `name: expected letters, digits and "-", at most 30 of them, found ${JSON.stringify(name)}.`,
  );
}
