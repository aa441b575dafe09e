import { DirectorError } from "./director-error";

/** No SSH connection within the allowed attempts. */
export class UnreachableError extends DirectorError {
  readonly code = "HEYE_UNREACHABLE";

  constructor(
    director: string,
    place: string,
    attempts: number,
    readonly reason: string,
  ) {
    super(
      director,
      `cannot reach ${place} over SSH (${attempts === 1 ? "1 attempt" : `${attempts} attempts`}): ${reason}. ` +
        "Check that the host is up, that sshd listens there and that no firewall is between.",
    );
  }
}

/** The host answered with another key than the declared one. Nothing was sent to it. */
export class HostKeyError extends DirectorError {
  readonly code = "HEYE_HOST_KEY";

  constructor(director: string, place: string, expected: string, found: string) {
    super(
      director,
      `${place} has another host key than declared: expected ${expected}, found ${found}. ` +
        "Either the host was reinstalled (compare the key on its console, then change hostKey), or something else answers in its place.",
    );
  }
}

/** The host has no key of the declared kind, so it cannot prove to be the declared host. Nothing was sent to it. */
export class HostKeyKindError extends DirectorError {
  readonly code = "HEYE_HOST_KEY_KIND";

  constructor(director: string, place: string, expected: string) {
    super(
      director,
      `${place} has no host key of the declared kind: expected ${expected}, found other kinds only. ` +
        "See which it has (`ssh-keyscan HOST`), compare one with the host's console and declare that one as hostKey; " +
        "or something else answers in its place.",
    );
  }
}

/** The host refused the login. */
export class LoginError extends DirectorError {
  readonly code = "HEYE_LOGIN";

  /** @param agentFault why the SSH agent could not be asked, when it could not */
  constructor(director: string, place: string, user: string, methods: string, agentFault?: string) {
    const agent =
      agentFault === undefined
        ? ""
        : ` The agent's socket could not be used (${agentFault}): check agentSocketPath, and that the agent runs.`;
    super(
      director,
      `${place} refused to log in ${user} (tried: ${methods}).${agent} Check user, key and authorized_keys on the host.`,
    );
  }
}

/** The private key cannot be used as given. */
export class PrivateKeyError extends DirectorError {
  readonly code = "HEYE_PRIVATE_KEY";

  constructor(director: string, reason: string) {
    super(
      director,
      `the private key cannot be read: ${reason}. Expected OpenSSH or PEM text; an encrypted key needs privateKeyPassword.`,
    );
  }
}

/** The connection broke, or the director stopped answering, in the middle of something. */
export class ConnectionLostError extends DirectorError {
  readonly code = "HEYE_CONNECTION_LOST";

  constructor(director: string, doing: string, reason: string) {
    super(
      director,
      `the connection was lost while ${doing}: ${reason}. What the director holds now is not known; run the same command again, it repairs what was left half done.`,
    );
  }
}

/** The director answered something that this version does not understand. */
export class UnexpectedAnswerError extends DirectorError {
  readonly code = "HEYE_UNEXPECTED_ANSWER";

  constructor(
    director: string,
    expected: string,
    found: string,
    remedy = "Does a shell start-up file print something?",
  ) {
    super(director, `expected ${expected}, found ${JSON.stringify(found.slice(0, 500))}. ${remedy}`);
  }
}
