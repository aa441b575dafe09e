import type { Duplex } from "node:stream";

/** Where a check goes. */
export interface Target {
  readonly address: string;
  readonly port: number;
  /** Address of this end, for who dials from the director itself. Absent: what the routes say. */
  readonly sourceAddress?: string | undefined;
  /** What carries the question. Absent: TCP. */
  readonly transport?: "udp" | undefined;
}

/**
 * Opens a byte stream to a server, from wherever the check is made (this host, or a director through SSH). Over UDP each
 * write is a datagram, and each datagram of that server, of no other, is a chunk of its own; SSH has no UDP.
 * Rejects with a reason that fits after "cannot connect: ", whose `cause` is what this host's system said, if it was that;
 * gives up when the signal fires.
 */
export type Dial = (target: Target, signal: AbortSignal) => Promise<Duplex>;

/**
 * One protocol's way to ask a server whether it works. A new one is one file here and one line in checkers.ts.
 *
 * @typeParam C the settings of the check, in normal form
 */
export interface Checker<C> {
  /**
   * @returns what the server said, for people ("HTTP 200")
   * @throws CheckFailedError when it said something else; whatever `dial` threw when it said nothing
   */
  check(settings: C, target: Target, dial: Dial, signal: AbortSignal): Promise<string>;
}

/** The server answered, but not as a healthy one does. The message is the answer. */
export class CheckFailedError extends Error {
  override readonly name = "CheckFailedError";
  readonly code = "HEYE_CHECK_FAILED";
}
