import { DirectorError } from "./director-error";

/** sshd on the director refuses to forward, so servers cannot be checked from it. */
export class ForwardingRefusedError extends DirectorError {
  readonly code = "HEYE_FORWARDING_REFUSED";

  constructor(director: string) {
    super(
      director,
      "sshd does not let checks through: set `AllowTcpForwarding local` (or yes) in its sshd_config, for this user at least, or use a health check of type none",
    );
  }
}

/** A director cannot check servers through the forwarding path. */
export class ForwardingCheckError extends DirectorError {
  readonly code = "HEYE_FORWARDING_CHECK";

  constructor(director: string, reason: string) {
    super(
      director,
      `cannot check through the forwarding path: ${reason}. Mend that there, or set \`forwardingCheck: false\` in the ` +
        "health check: then nobody proves that the server has the virtual address",
    );
  }
}
