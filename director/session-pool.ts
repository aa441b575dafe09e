import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { endpoint, type HostConnection } from "../spec";
import { canonicalJson } from "./canonical";
import { UnreachableError } from "./errors";
import { SshSession } from "./ssh-session";
import { Turnstile } from "./turnstile";

/** Default of `dialErrorLimit`, as in @pulumi/command. */
const DIAL_ERROR_LIMIT = 10;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** As many as sshd lets knock by default before it drops some (MaxStartups 10:30:100). */
const DIALS_THROUGH_BASTION = 10;

/** A host that could not be reached, and is not dialled again before `untilMs` (performance.now()). */
interface Dead {
  readonly untilMs: number;
  readonly failures: number;
  readonly reason: string;
}

/**
 * Keeps one session per director for as long as the process lives. Callers that arrive while a login is under way
 * share it; a failed login is forgotten at once, a broken session is replaced at the next call.
 */
export class SessionPool {
  readonly #sessions = new Map<string, Promise<SshSession>>();
  readonly #turnstiles = new Map<string, Turnstile>();
  readonly #dead = new Map<string, Dead>();

  /**
   * @param deadFactor for how many times as long as it was dialled in vain a host is taken for dead. Default 0: it is dialled
   *   by each call. An operation with a hundred resources would wait for a dead director as often as it works on some of them.
   */
  constructor(private readonly deadFactor = 0) {}

  /** The session to a director, opened when there is none. The same connection is the same session. */
  async get(director: string, connection: HostConnection): Promise<SshSession> {
    const key = connectionKey(connection);
    const known = this.#sessions.get(key);
    if (known) {
      const session = await known;
      if (!session.closed) return session;
      if (this.#sessions.get(key) === known) this.#sessions.delete(key);
      return this.get(director, connection);
    }
    const opening = this.#open(director, connection);
    this.#sessions.set(key, opening);
    opening.catch(() => {
      if (this.#sessions.get(key) === opening) this.#sessions.delete(key);
    });
    return opening;
  }

  /**
   * Dials until it succeeds or `dialErrorLimit` is reached. Only a host that cannot be reached is tried again: a wrong
   * key or login stays wrong. All directors behind a bastion share one session to it.
   */
  async #open(director: string, connection: HostConnection): Promise<SshSession> {
    const limit = connection.dialErrorLimit ?? DIAL_ERROR_LIMIT;
    const { proxy } = connection;
    const place = endpoint(connection.host, connection.port ?? 22);
    const [key, beganMs] = [connectionKey(connection), performance.now()];
    const dead = this.#dead.get(key);
    if (dead && beganMs < dead.untilMs)
      throw new UnreachableError(director, place, dead.failures, dead.reason);
    for (let failures = 1; ; failures++) {
      // Asked for each time, because the last one may have broken; what keeps it from opening is told as its own.
      const bastion = proxy && (await this.get(`bastion ${proxy.host}`, proxy));
      try {
        const dial = () => SshSession.open(director, connection, bastion);
        return await (proxy ? this.#through(proxy).run(dial) : dial());
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error;
        if (limit >= 0 && failures >= Math.max(1, limit)) {
          const untilMs = performance.now() + this.deadFactor * (performance.now() - beganMs);
          this.#dead.set(key, { untilMs, failures, reason: error.reason });
          throw new UnreachableError(director, place, failures, error.reason);
        }
        await delay(pauseMs(failures));
      }
    }
  }

  #through(proxy: HostConnection): Turnstile {
    const key = connectionKey(proxy);
    const known = this.#turnstiles.get(key) ?? new Turnstile(DIALS_THROUGH_BASTION);
    this.#turnstiles.set(key, known);
    return known;
  }

  /** Closes every session; the pool can be used again. */
  async closeAll(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const result of await Promise.allSettled(sessions)) {
      if (result.status === "fulfilled") result.value.close();
    }
  }
}

/** Pauses grow with the failures in a row, and differ, so that many directors do not knock in lockstep. */
export function pauseMs(failures: number, random: () => number = Math.random): number {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
  return longest * (0.5 + random() / 2);
}

/**
 * Tells connections apart without keeping their secrets as map keys. The order in which the properties stand is no
 * difference.
 */
export function connectionKey(connection: HostConnection): string {
  return createHash("sha256").update(canonicalJson(connection)).digest("hex");
}
