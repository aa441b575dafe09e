import type { ActiveHealthCheck } from "../spec";
import { CheckFailedError, type Dial, type Target } from "./checker";
import { Deadline } from "./deadline";
import { checkerFor } from "./registry";

/** The outcome of one check. */
export interface CheckResult {
  readonly healthy: boolean;
  /** What the server said, or why it said nothing; for people. */
  readonly answer: string;
  /** The check could not be made, because this host lacked something: it says nothing of the server. Absent: it could. */
  readonly inconclusive?: true;
}

/**
 * Makes one check, within its timeout. Never throws: whatever goes wrong is the answer.
 *
 * @param signal ends the check early, as if its time were up.
 */
export async function runCheck(
  settings: ActiveHealthCheck,
  target: Target,
  dial: Dial,
  signal: AbortSignal,
): Promise<CheckResult> {
  const place = placeOf(settings, target);
  const deadline = new Deadline(settings.timeoutMs, signal);
  try {
    const answer = await checkerFor(settings).check(settings, place, dial, deadline.signal);
    return { healthy: true, answer };
  } catch (error) {
    if (deadline.expired) return { healthy: false, answer: `no answer within ${settings.timeoutMs} ms` };
    const answer = presentable(error, settings);
    return isOurOwn(error) ? { healthy: false, answer, inconclusive: true } : { healthy: false, answer };
  } finally {
    deadline.clear();
  }
}

/**
 * What a system call says when the host has run out of files, memory or ports, has not the address it is to use, or one of the
 * other family, or has no route, or one that forbids it.
 */
const OUR_OWN: ReadonlySet<string | undefined> = new Set([
  "EACCES",
  "EADDRINUSE",
  "EADDRNOTAVAIL",
  "EAFNOSUPPORT",
  "EAGAIN",
  "EHOSTUNREACH",
  "EINVAL",
  "EMFILE",
  "ENETUNREACH",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
]);

/** Whether it is this host that is at fault. A dial names as `cause` what the system said; who has dialled has got through. */
function isOurOwn(error: unknown): boolean {
  if (error instanceof CheckFailedError) return false;
  const cause = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return OUR_OWN.has(cause?.code);
}

/** Where a check really goes, by what its settings say in place of the server's own address and port. */
export function placeOf({ address, port, sourceAddress }: ActiveHealthCheck, target: Target): Target {
  return {
    address: address ?? target.address,
    port: port ?? target.port,
    ...(sourceAddress !== undefined && { sourceAddress }),
  };
}

/** Longer answers are cut; servers choose their words, and their length, themselves. */
const LONGEST_ANSWER = 300;

/** A server's words on one line, and without a password: a server that sends it back must not have it printed. */
function presentable(error: unknown, settings: ActiveHealthCheck): string {
  const words = (error instanceof Error ? error.message : String(error))
    .replace(/[\p{C}\p{Z}]+/gu, " ")
    .trim();
  const secrets = "password" in settings && settings.password !== undefined ? [settings.password] : [];
  const shown =
    secrets.reduce((text, hidden) => text.replaceAll(hidden, "[secret]"), words) || "no, without a reason";
  return shown.length > LONGEST_ANSWER ? `${shown.slice(0, LONGEST_ANSWER)}...` : shown;
}
