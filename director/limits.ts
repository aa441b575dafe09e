import { destinationKey, type Limits, parseLimits, type Thresholds } from "../ipvs";
import { NotCapableError } from "./errors";
import type { Registry } from "./registry";
import type { CommandResult } from "./ssh-session";

/** Prints thresholds and the kernel's own order, which `ipvsadm --save` keeps to itself. */
export const LIMITS_SCRIPT = "LC_ALL=C ipvsadm --list -n --thresholds --nosort";

/**
 * Reads what {@link LIMITS_SCRIPT} prints.
 *
 * @throws NotCapableError
 */
export function parseLimitsAnswer(director: string, { exitCode, stdout, stderr }: CommandResult): Limits {
  if (exitCode === 0) return parseLimits(stdout);
  throw new NotCapableError(
    director,
    `its thresholds cannot be read (${stderr.trim()})`,
    "Is `ipvsadm` there the original one, version 1.28 or newer?",
  );
}

/** The thresholds that the last change wrote, for a table that was read without them. */
export function registeredLimits(registry: Registry): Limits {
  const limits = new Map<string, Map<string, Thresholds>>();
  for (const { virtualServers } of Object.values(registry.owners)) {
    for (const [key, { members }] of Object.entries(virtualServers)) {
      const limited = members.filter((one) => one.upperThreshold !== undefined);
      if (limited.length === 0) continue;
      const thresholds = limited.map((one): [string, Thresholds] => [
        destinationKey(one),
        { upper: one.upperThreshold ?? 0, lower: one.lowerThreshold ?? 0 },
      ]);
      limits.set(key, new Map(thresholds));
    }
  }
  return limits;
}
