import type { Target, Verdict } from "../health";
import type { ActiveHealthCheck } from "../spec";
import { AgentClient } from "./agent-client";
import {
  AGENT_PROTOCOL,
  type ChangeAnswer,
  type ChangeOrder,
  type CheckAnswer,
  type CheckOrder,
  type StateAnswer,
} from "./agent-protocol";
import { UnexpectedAnswerError } from "./errors";
import type { Link } from "./link";
import type { PlaneAnswer } from "./plane-answer";
import { registryDelta, registryLines } from "./registry-format";
import type { ChangeRequest } from "./request";
import type { SshSession } from "./ssh-session";
import { type Answer, type DirectorState, readRegistry, readTable } from "./state";

/** Beyond a check's own deadline: the last check of a gate may begin just before it. */
const GATE_SLACK_MS = 30_000;

/** A director whose table belongs to an agent: it is asked, and makes the changes. */
export class AgentLink implements Link {
  readonly #client: AgentClient;

  constructor(
    private readonly director: string,
    user: string,
    session: () => Promise<SshSession>,
  ) {
    this.#client = new AgentClient(director, user, session);
  }

  async read(known: () => DirectorState | undefined): Promise<Answer> {
    const base = known();
    const { registry, table } = base?.digests ?? { registry: "-", table: "-" };
    const path = `/v1/state?registry=${registry}&table=${table}`;
    const answer = await this.#client.ask<StateAnswer>("GET", path, undefined, "reading its table");
    return { outcome: "state", messages: "", state: this.#state(answer, base) };
  }

  async change(known: DirectorState, { wanted, predicted }: ChangeRequest): Promise<Answer> {
    const order: ChangeOrder = {
      expect: known.digests,
      predict: predicted.digests,
      registry: registryDelta(registryLines(known.registry), registryLines(wanted.after)),
      scope: [...wanted.scope],
      desired: wanted.desired,
    };
    const answer = await this.#client.ask<ChangeAnswer>("POST", "/v1/changes", order, "changing its table");
    const base = answer.outcome === "applied" ? predicted : known;
    const state = this.#state(answer.state, base);
    const { outcome, messages, shared = false } = answer;
    return { outcome, messages, state, isShared: shared };
  }

  /** How the director stands to what it shares with others. */
  plane(): Promise<PlaneAnswer> {
    return this.#client.ask<PlaneAnswer>("GET", "/v1/plane", undefined, "asking what it shares");
  }

  verdict(check: ActiveHealthCheck, target: Target): Promise<Verdict> {
    const order: CheckOrder = { check, target: { address: target.address, port: target.port } };
    const timeoutMs = check.deadlineMs + check.timeoutMs + GATE_SLACK_MS;
    return this.#client.ask<CheckAnswer>("POST", "/v1/checks", order, "checking a server", timeoutMs);
  }

  /** @param base what is known already: parts with the same digest do not travel */
  #state(answer: StateAnswer, base: DirectorState | undefined): DirectorState {
    if (answer.protocol !== AGENT_PROTOCOL) {
      throw new UnexpectedAnswerError(
        this.director,
        `an agent that speaks version ${AGENT_PROTOCOL}`,
        `version ${String(answer.protocol)}`,
        "Run `pulumi up`: the Cluster installs the agent of this package.",
      );
    }
    const { digests, kernel } = answer;
    const sameRegistry = base?.digests.registry === digests.registry;
    const sameTable = base?.digests.table === digests.table;
    if (base && sameRegistry && sameTable && base.kernel === kernel) return base;
    const registryPart =
      base && sameRegistry ? base : readRegistry(this.director, linesOf(answer.registry ?? ""));
    const tablePart = base && sameTable ? base : readTable(this.director, answer.table ?? []);
    return {
      kernel,
      registry: registryPart.registry,
      canonical: registryPart.canonical,
      table: tablePart.table,
      lines: tablePart.lines,
      digests: { registry: registryPart.digests.registry, table: tablePart.digests.table },
    };
  }
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}
