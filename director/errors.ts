import { AGENT_SOCKET } from "./agent-protocol";
import type { Registration } from "./registry";

/**
 * Everything that can go wrong with a director, one class per cause. Each names the director, says what was
 * expected and found, and what to do next; none holds a secret.
 */
export abstract class DirectorError extends Error {
  /** Stable identifier, one row in docs/errors.md. */
  abstract readonly code: string;

  constructor(
    readonly director: string,
    message: string,
  ) {
    super(`director ${director}: ${message}`);
    this.name = new.target.name;
  }
}

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

/** The director's agent does not answer; the director itself can be reached. Forwarding goes on without it. */
export class AgentDownError extends DirectorError {
  readonly code = "HEYE_AGENT_DOWN";

  constructor(director: string, reason: string) {
    super(
      director,
      `its agent does not answer on ${AGENT_SOCKET}: ${reason}. It goes on forwarding as it did, and nothing checks its servers. ` +
        "Start the agent there (`systemctl restart heye-agent`; why it ended is in /run/heye/agent.log or the journal), or run `pulumi up --refresh`: the Cluster starts it.",
    );
  }
}

/** An agent keeps the director's table, and a change was to be made past it. */
export class AgentOwnsError extends DirectorError {
  readonly code = "HEYE_AGENT_OWNS";

  constructor(director: string) {
    super(
      director,
      "an agent keeps its table (/var/lib/heye/agent), and this cluster has the mode `ssh`: it would take back what is changed past it. " +
        'Nothing was changed. Give this cluster `mode: "agent"` too, or the one that installed the agent the mode `ssh`.',
    );
  }
}

/** The agent could not be put on a director, started or removed. */
export class AgentInstallError extends DirectorError {
  readonly code = "HEYE_AGENT_INSTALL";

  constructor(director: string, reason: string) {
    super(
      director,
      `its agent could not be installed, started or removed: ${reason}. The table was not touched.`,
    );
  }
}

/** The agent refused a request or failed at it; nothing of it was made. */
export class AgentRefusedError extends DirectorError {
  readonly code = "HEYE_AGENT_REFUSED";

  constructor(director: string, doing: string, reason: string) {
    super(director, `its agent refused ${doing}: ${reason}. Nothing was changed there.`);
  }
}

/** What directors share cannot be changed now, or is not followed by this one. Nothing was changed by it. */
export class SharedStoreError extends DirectorError {
  readonly code = "HEYE_SHARED_STORE";

  constructor(director: string, reason: string) {
    super(director, `${reason} Nothing was changed by it.`);
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

/** Something that nobody registered already stands where an entry is to go. */
export class ForeignEntryError extends DirectorError {
  readonly code = "HEYE_FOREIGN_ENTRY";

  constructor(director: string, entry: string, found: string) {
    super(
      director,
      `${entry} already exists and belongs to no stack: ${found}. It was left as it is. ` +
        "Remove it there (who made it: keepalived, kube-proxy, a person?), use another address or port, or take it over with `adopt: true`.",
    );
  }
}

/** Another stack, or another resource of this one, owns the entry. */
export class OwnedElsewhereError extends DirectorError {
  readonly code = "HEYE_OWNED_ELSEWHERE";

  constructor(director: string, entry: string, owner: string, remedy: string) {
    super(director, `${entry} belongs to ${owner}. It was left as it is. ${remedy}`);
  }
}

/** There is no virtual server to put a real server into: it is not registered on that director. */
export class NoVirtualServerError extends OwnedElsewhereError {
  constructor(director: string, key: string) {
    super(
      director,
      `virtual server ${key}`,
      "nobody: it is not registered there",
      "Run `pulumi up --refresh`, which finds and repairs it.",
    );
  }
}

/** The kernel does not hold what was written to it. */
export class NotAppliedError extends DirectorError {
  readonly code = "HEYE_NOT_APPLIED";

  /** @param before what was registered there, to undo the change by */
  constructor(
    director: string,
    differences: readonly string[],
    messages: string,
    readonly before: Registration | undefined,
  ) {
    const said =
      messages.trim() === "" ? "" : `\n  ipvsadm said: ${messages.trim().replaceAll("\n", "\n  ")}`;
    super(director, `the kernel did not take the change:\n  ${differences.join("\n  ")}${said}`);
  }
}

/** Somebody else keeps changing the director's table, or holds its lock. */
export class BusyError extends DirectorError {
  readonly code = "HEYE_BUSY";

  constructor(director: string, reason: string) {
    super(director, `${reason}. Nothing was changed; run the command again when the other one has finished.`);
  }
}

/** Two clusters want different values of one setting of a kernel that they share. */
export class SettingConflictError extends DirectorError {
  readonly code = "HEYE_SETTING_CONFLICT";

  constructor(director: string, setting: string, wanted: string, theirs: string, owner: string) {
    super(
      director,
      `${setting} is wanted as ${wanted}, but ${owner} has set it to ${theirs}. It was left as it is. ` +
        "A director has one kernel: agree on a value in both programs, or take the setting out of one of them.",
    );
  }
}

/** The director's kernel does not know a setting. */
export class SettingMissingError extends DirectorError {
  readonly code = "HEYE_SETTING_MISSING";

  constructor(director: string, settings: readonly string[]) {
    super(
      director,
      `its kernel has no ${settings.join(", ")}. Nothing was changed. ` +
        "Is the module loaded that brings it (settings.modules), is the kernel new enough, or is the name misspelt?",
    );
  }
}

/** The kernel does not hold a setting that was written to it, or a file that belongs to the settings is not there. */
export class SettingNotAppliedError extends DirectorError {
  readonly code = "HEYE_SETTING_NOT_APPLIED";

  constructor(director: string, differences: readonly string[], messages: string) {
    const said = messages.trim() === "" ? "" : `\n  it said: ${messages.trim().replaceAll("\n", "\n  ")}`;
    super(director, `the settings were not taken:\n  ${differences.join("\n  ")}${said}`);
  }
}

/** A kernel module that is wanted cannot be loaded. */
export class ModuleMissingError extends DirectorError {
  readonly code = "HEYE_MODULE_MISSING";

  constructor(director: string, messages: readonly string[]) {
    super(
      director,
      `a kernel module cannot be loaded:\n  ${messages.join("\n  ")}\n  ` +
        "Install the kernel package that has it (linux-modules-extra, kernel-modules-extra), or leave it out of settings.modules.",
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

/** An error's message with its code, under which docs/errors.md has a row. */
export function withCode(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" && code.startsWith("HEYE_") ? `${error.message} [${code}]` : error.message;
}
