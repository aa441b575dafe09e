import { setTimeout as delay } from "node:timers/promises";
import { type CheckResult, runCheck, type Verdict } from "../health";
import { DirectorError, ForwardingCheckError } from "./errors";
import type { ForwardingPath } from "./forwarding-path";
import type { ForwardingProbe } from "./forwarding-probe";
import { Turnstile } from "./turnstile";

/** Who sets up connections through the forwarding path: a director that is reached over SSH, or an agent on its own. */
export interface ForwardingProber {
  /**
   * @param lifetimeS after so many seconds the director takes everything away, whoever still listens
   * @returns "local" when the server is the director itself: nothing is forwarded then
   * @throws ForwardingCheckError when it cannot
   */
  probe(path: ForwardingPath, lifetimeS: number): Promise<Pick<ForwardingProbe, "dial" | "close"> | "local">;
}

/**
 * sshd allows 10 sessions on a connection by default (MaxSessions), and changes need some as well; each costs the director
 * some fifty short processes.
 */
const PROBES_A_DIRECTOR = 4;
/** What setting up and closing may take on a busy director, besides the check itself. */
const LIFETIME_BEYOND_CHECK_S = 15;

const turnstiles = new WeakMap<ForwardingProber, Turnstile>();

/**
 * Checks a server in the way its clients' packets go: from the director, by the member's forwarding method, to the
 * virtual address. One success proves the way; that the server itself is well has been proved before. Checks again
 * every `intervalMs` until `deadlineMs` is over.
 *
 * @param signal ends the waiting as if the deadline were over
 */
export async function checkForwarding(
  director: ForwardingProber,
  path: ForwardingPath,
  signal: AbortSignal = new AbortController().signal,
): Promise<Verdict> {
  const { check } = path;
  const end = performance.now() + check.deadlineMs;
  for (let checks = 1; ; checks++) {
    const started = performance.now();
    const { final, ...result } = await turnstileOf(director).run(() => once(director, path, signal));
    const next = Math.max(performance.now(), started + check.intervalMs);
    if (result.healthy || final || next >= end) return { ...result, checks };
    await delay(Math.max(0, next - performance.now()), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return { ...result, checks };
  }
}

async function once(
  director: ForwardingProber,
  path: ForwardingPath,
  signal: AbortSignal,
): Promise<CheckResult & { final: boolean }> {
  // Who asked may have gone while this one waited for its turn.
  if (signal.aborted) return { healthy: false, answer: "nobody waits for it any more", final: true };
  const { check } = path;
  const lifetimeS = Math.ceil(check.timeoutMs / 1000) + LIFETIME_BEYOND_CHECK_S;
  try {
    const probe = await director.probe(path, lifetimeS);
    if (probe === "local") return { healthy: true, answer: "is the director itself", final: true };
    try {
      const target = { address: path.member.address, port: path.port };
      return {
        ...(await runCheck({ ...check, address: undefined, port: undefined }, target, probe.dial, signal)),
        final: false,
      };
    } finally {
      await probe.close();
    }
  } catch (error) {
    // Whatever keeps a director from checking is its answer; a session too many, say, may be free next time.
    const text = error instanceof Error ? error.message : String(error);
    const answer = error instanceof DirectorError ? `${text} [${error.code}]` : text;
    return { healthy: false, answer, final: error instanceof ForwardingCheckError };
  }
}

function turnstileOf(director: ForwardingProber): Turnstile {
  const known = turnstiles.get(director) ?? new Turnstile(PROBES_A_DIRECTOR);
  turnstiles.set(director, known);
  return known;
}
