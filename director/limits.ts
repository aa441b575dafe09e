import { destinationKey, type Limits, parseLimits, type Table, type Thresholds, withLimits } from "../ipvs";
import { NotCapableError } from "./errors";
import { findRegistration, type Registry } from "./registry";
import type { CommandResult } from "./ssh-session";
import type { DirectorState } from "./state";

/**
 * What a director holds, thresholds included: as it told them itself, or else as the last change wrote them. Only the
 * services in `scope` matter.
 */
export function knownTable(
  { table, limits, registry }: Pick<DirectorState, "table" | "limits" | "registry">,
  scope: ReadonlySet<string>,
): Table {
  return withLimits(table, limits ?? registeredLimits(registry, scope));
}

/** What it prints first when it can print anything. */
const HEAD = /^IP Virtual Server version /;

/** Prints thresholds and the kernel's own order, which `ipvsadm --save` keeps to itself. */
export const LIMITS_SCRIPT = "PATH=$PATH:/usr/sbin:/sbin LC_ALL=C ipvsadm --list -n --thresholds --nosort";

/**
 * Reads what {@link LIMITS_SCRIPT} prints.
 *
 * @throws NotCapableError
 */
export function parseLimitsAnswer(director: string, { exitCode, stdout, stderr }: CommandResult): Limits {
  if (exitCode === 0) return parseLimits(stdout);
  throw unreadable(director, stderr);
}

/**
 * Reads what it prints, complaints included.
 *
 * @throws NotCapableError
 */
export function parseLimitsText(director: string, text: string): Limits {
  if (HEAD.test(text)) return parseLimits(text);
  throw unreadable(director, text);
}

function unreadable(director: string, said: string): NotCapableError {
  return new NotCapableError(
    director,
    `its thresholds cannot be read (${said.trim().slice(0, 200)})`,
    "Is `ipvsadm` there the original one, version 1.28 or newer?",
  );
}

/**
 * The thresholds that a director tells, and those that are registered of servers which its kernel does not hold: an
 * agent has taken them out because they are down, and tells them as declared.
 */
export function observedLimits({
  limits = new Map(),
  registry,
}: Pick<DirectorState, "limits" | "registry">): Limits {
  const declared = registeredLimits(registry, new Set(limits.keys()));
  return new Map([...limits].map(([key, told]) => [key, new Map([...(declared.get(key) ?? []), ...told])]));
}

function registeredLimits(registry: Registry, scope: ReadonlySet<string>): Limits {
  const limits = new Map<string, Map<string, Thresholds>>();
  for (const key of scope) {
    const limited = (findRegistration(registry, key)?.registration.members ?? []).filter(
      ({ upperThreshold = 0 }) => upperThreshold > 0,
    );
    if (limited.length === 0) continue;
    const thresholds = limited.map((one): [string, Thresholds] => [
      destinationKey(one),
      { upper: one.upperThreshold ?? 0, lower: one.lowerThreshold ?? 0 },
    ]);
    limits.set(key, new Map(thresholds));
  }
  return limits;
}
