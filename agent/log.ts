import pino, { type Logger } from "pino";

/** One event a line, as JSON; see {@link openLog}. */
export type Log = Logger;

/**
 * The agent's log, on standard error: journald or the supervisor keeps it. Values are named one by one by whoever logs;
 * a check's settings, which may hold a password, are never among them.
 */
export function openLog(): Log {
  return pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
}

/** A log that says nothing. */
export function noLog(): Log {
  return pino({ enabled: false });
}
