import { type ConnectionCount, ProcfsSyntaxError, parseProcfs } from "../ipvs";
import { UnexpectedAnswerError } from "./errors";
import type { CommandResult } from "./ssh-session";

/** Prints how many connections each destination has. Needs no lock: one read of a file of the kernel's. */
export const CONNECTIONS_SCRIPT = "cat /proc/net/ip_vs";

/**
 * Reads what {@link CONNECTIONS_SCRIPT} prints.
 *
 * @throws UnexpectedAnswerError
 */
export function parseConnections(director: string, { stdout, stderr }: CommandResult): ConnectionCount[] {
  try {
    return parseProcfs(stdout);
  } catch (error) {
    if (!(error instanceof ProcfsSyntaxError)) throw error;
    throw new UnexpectedAnswerError(director, "connection counts", stderr.trim() || error.message);
  }
}
