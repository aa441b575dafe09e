/** A fault that has struck. */
export interface Struck {
  /** Servers that are dead until it is mended. */
  readonly dead: ReadonlySet<string>;
  /** The operation is made when all directors have found out who is dead, and nothing may be lost by then. */
  readonly isFoundOut?: boolean;
  /** Resolves when all that it does has been done. */
  readonly done: Promise<void>;
  readonly mend: () => Promise<void>;
  /** Whether it was made, asked before it is mended: not every lab can, and not with every operation. Default: it was. */
  readonly isMade?: () => Promise<boolean>;
  /** Fails where it has had an effect that it must not have; asked before it is mended. */
  readonly expectMeanwhile?: () => Promise<void>;
  /** The same, asked when it is mended and what was refused has been made. */
  readonly expectAfterwards?: () => Promise<void>;
}

/** Ends an agent's process, whatever it does just now. */
export const KILL = "kill -KILL $(pgrep -f '[h]eye-agent.js run') 2>/dev/null || :";

/** What asks for nothing to be mended, and harms no server. */
export function harmless(done: Promise<unknown>): Struck {
  // Looked at by who waits for it.
  done.catch(() => undefined);
  return { dead: new Set(), done: done.then(() => undefined), mend: async () => undefined };
}
