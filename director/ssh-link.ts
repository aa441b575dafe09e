import { type Target, type Verdict, waitUntilHealthy } from "../health";
import type { ActiveHealthCheck } from "../spec";
import type { Link, Reading } from "./link";
import { type ChangeRequest, readRequest } from "./request";
import type { SshSession } from "./ssh-session";
import { type Answer, type DirectorState, parseAnswer } from "./state";

/** A director with nothing installed on it: a fixed script answers, and checks go through forwarded connections. */
export class SshLink implements Link {
  constructor(
    private readonly director: string,
    private readonly user: string,
    private readonly session: () => Promise<SshSession>,
  ) {}

  async read(known: () => DirectorState | undefined): Promise<Reading> {
    const session = await this.session();
    let base: DirectorState | undefined;
    const request = () => {
      base = known();
      return readRequest(base);
    };
    const reply = await session.ask(this.user, request, "reading its table");
    return { ...parseAnswer(this.director, reply, { known: base }), ipvsadm: reply.ipvsadm };
  }

  async change(known: DirectorState, request: ChangeRequest): Promise<Answer> {
    const session = await this.session();
    const reply = await session.ask(this.user, () => request, "changing its table");
    return parseAnswer(this.director, reply, { known, predicted: request.predicted });
  }

  async verdict(check: ActiveHealthCheck, target: Target): Promise<Verdict> {
    return waitUntilHealthy(check, target, async (place, signal) =>
      (await this.session()).dial(place, signal),
    );
  }
}
