import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { endpoint, type HostConnection } from "../spec";
import { UnreachableError } from "./errors";
import { SshSession } from "./ssh-session";

/** Default of `dialErrorLimit`, as in @pulumi/command. */
const DIAL_ERROR_LIMIT = 10;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Keeps one session per director for as long as the process lives. Callers that arrive while a login is under way
 * share it; a failed login is forgotten at once, a broken session is replaced at the next call.
 */
export class SessionPool {
  readonly #sessions = new Map<string, Promise<SshSession>>();

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

  /** All directors behind a bastion share one session to it: bastions limit how many may log in at a time. */
  async #open(director: string, connection: HostConnection): Promise<SshSession> {
    const { proxy } = connection;
    const bastion = proxy && (await this.get(`bastion ${proxy.host}`, proxy));
    return openWithRetries(director, connection, bastion);
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

/** Only a host that cannot be reached is tried again: a wrong key or login stays wrong. */
async function openWithRetries(
  director: string,
  connection: HostConnection,
  bastion: SshSession | undefined,
): Promise<SshSession> {
  const limit = connection.dialErrorLimit ?? DIAL_ERROR_LIMIT;
  for (let failures = 1; ; failures++) {
    try {
      return await SshSession.open(director, connection, bastion);
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      if (limit >= 0 && failures >= Math.max(1, limit)) {
        const place = endpoint(connection.host, connection.port ?? 22);
        throw new UnreachableError(director, place, failures, error.reason);
      }
      await delay(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)));
    }
  }
}

/** Tells connections apart without keeping their secrets as map keys. */
export function connectionKey(connection: HostConnection): string {
  return createHash("sha256").update(JSON.stringify(connection)).digest("hex");
}
