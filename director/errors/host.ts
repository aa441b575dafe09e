import { DirectorError } from "./director-error";

/** The director lacks something that `ssh` mode needs. */
export class NotCapableError extends DirectorError {
  readonly code = "HEYE_NOT_CAPABLE";

  constructor(director: string, reason: string, remedy: string) {
    super(director, `${reason}. ${remedy}`);
  }
}

/** The director's disk does not take what must be durable before the kernel changes. */
export class NotWritableError extends DirectorError {
  readonly code = "HEYE_NOT_WRITABLE";

  constructor(director: string, reason: string) {
    super(
      director,
      `/var/lib/heye does not take the change (${reason}). Nothing was changed in the kernel. ` +
        "Make room there (`df /var/lib/heye`), or make it writable, and run the command again.",
    );
  }
}

/** Another program that deletes IPVS entries it does not know runs on the director. */
export class CoexistenceError extends DirectorError {
  readonly code = "HEYE_COEXISTENCE";

  constructor(director: string, rival: string, evidence: string) {
    super(
      director,
      `${rival} manages IPVS there too (${evidence}): it deletes or overwrites entries that it does not know. Nothing was changed. ` +
        `Stop it there, use another node, or add "${rival}" to the cluster's coexist if the two never meet.`,
    );
  }
}

/** Missing programs could not be installed. */
export class InstallError extends DirectorError {
  readonly code = "HEYE_INSTALL";

  constructor(director: string, what: string, messages: string) {
    super(director, `${what}:\n  ${messages.trim().replaceAll("\n", "\n  ")}`);
  }
}
