import { AGENT_SOCKET } from "../agent-protocol";
import { DirectorError } from "./director-error";

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
