import { type Target, type Verdict, waitUntilHealthy } from "../health";
import type { Limits } from "../ipvs";
import type { ActiveHealthCheck } from "../spec";
import { parseLimitsText } from "./limits";
import type { Depth, Link } from "./link";
import { type ChangeRequest, readRequest, sentAs } from "./request";
import { sha256 } from "./sha256";
import type { Reply } from "./shell";
import type { SshSession } from "./ssh-session";
import { type Answer, type DirectorState, parseAnswer } from "./state";

/**
 * How long somebody else's change of what procfs does not tell (flags, kinds of tunnels) may go unseen by changes and
 * their rehearsals; an agent goes by the same. Any other read reads the whole table.
 */
const WHOLE_EVERY_MS = 30_000;

/** A director with nothing installed on it: a fixed script answers, and checks go through forwarded connections. */
export class SshLink implements Link {
  /** The last answer, and the table that it told. */
  #seen: { readonly id: string; readonly table: string } | undefined;
  /** When the table was last read whole. */
  #wholeAtMs = Number.NEGATIVE_INFINITY;
  #limits: { readonly digest: string; readonly limits: Limits } | undefined;

  constructor(
    private readonly director: string,
    private readonly user: string,
    private readonly session: () => Promise<SshSession>,
  ) {}

  async read(known: () => DirectorState | undefined, depth: Depth): Promise<Answer> {
    const session = await this.session();
    let base: DirectorState | undefined;
    let seen: string | undefined;
    let sentAtMs = 0;
    const request = () => {
      base = known();
      sentAtMs = performance.now();
      seen = base && depth === "glance" ? this.#lastSight(base, sentAtMs) : undefined;
      return readRequest(base, depth === "limits" ? (this.#limits?.digest ?? "-") : undefined, seen);
    };
    const reply = await session.ask(this.user, request, "reading its table");
    const answer = this.#told(reply, parseAnswer(this.director, reply, { known: base }));
    if (seen === undefined) this.#wholeAtMs = sentAtMs;
    return answer;
  }

  async change(known: DirectorState, request: ChangeRequest): Promise<Answer> {
    const session = await this.session();
    let seen: string | undefined;
    let sentAtMs = 0;
    const sent = () => {
      sentAtMs = performance.now();
      seen = this.#lastSight(known, sentAtMs);
      return sentAs(request, { seen });
    };
    const reply = await session.ask(this.user, sent, "changing its table");
    const { predicted } = request;
    const answer = this.#told(reply, parseAnswer(this.director, reply, { known, predicted }));
    if (seen === undefined) this.#wholeAtMs = sentAtMs;
    return answer;
  }

  async verdict(check: ActiveHealthCheck, target: Target): Promise<Verdict> {
    return waitUntilHealthy(check, target, async (place, signal) => {
      // A preview refuses such a check, unless it could not know yet that it would be one.
      if (place.transport === "udp") throw new Error("cannot connect: SSH has no UDP");
      return (await this.session()).dial(place, signal);
    });
  }

  /** The answer that told this state, where that is the last one: the director compares with it at a glance. */
  #lastSight({ digests }: DirectorState, nowMs: number): string | undefined {
    if (nowMs - this.#wholeAtMs >= WHOLE_EVERY_MS) return undefined;
    return this.#seen?.table === digests.table ? this.#seen.id : undefined;
  }

  #told({ id }: Reply, answer: Answer): Answer {
    this.#seen = { id, table: answer.state.digests.table };
    if (answer.limits === undefined) return answer;
    if (answer.limits !== "same") {
      const { text } = answer.limits;
      this.#limits = { digest: sha256(text), limits: parseLimitsText(this.director, text) };
    }
    const limits = this.#limits?.limits;
    const { state } = answer;
    return limits === undefined || state.limits === limits
      ? answer
      : { ...answer, state: { ...state, limits } };
  }
}
