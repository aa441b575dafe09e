import { writeSync } from "node:fs";
import pino, { type Logger } from "pino";

/** One event a line, as JSON; see {@link openLog}. */
export type Log = Logger;

/**
 * The agent's log, on standard error: journald or the supervisor keeps it. Values are named one by one by whoever logs;
 * a check's settings, which may hold a password, are never among them. A line that cannot be written is lost: a full disk
 * must not end what the agent does.
 */
export function openLog(): Log {
  const write = (line: string) => {
    try {
      writeSync(2, line);
    } catch {
      // There is nobody to tell.
    }
  };
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, { write });
}

/** A log that says nothing. */
export function noLog(): Log {
  return pino({ enabled: false });
}
