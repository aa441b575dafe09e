import type { Member, Registration } from "../director/data";
import { type ConnectionCount, hasConnections, isConnectionless } from "../ipvs";
import { realServerKey } from "../spec";

/** A server on its way out: it takes no new connections, those it has may end. */
export interface Drain {
  /** Of which virtual server, by its key. */
  readonly service: string;
  /** By `realServerKey`. */
  readonly server: string;
  /** Epoch, in milliseconds. */
  readonly startedAt: number;
  /** `change`: the program has removed it. `operator`: somebody asked for it here, and it stays until he takes it back. */
  readonly by: "change" | "operator";
}

/**
 * How long the agent lets a change finish its own drain, beyond the end of that: who made the change is waiting for it,
 * unless he was killed.
 */
const GRACE_MS = 30_000;

/** All drains of a director. They outlive a restart of the agent; their times go on meanwhile. */
export class Drains {
  #all: readonly Drain[];

  constructor(recorded: readonly Drain[]) {
    this.#all = recorded;
  }

  get all(): readonly Drain[] {
    return this.#all;
  }

  /** Takes up what a change has set to drain, and forgets what is no longer there or drains no more. */
  follow(registrations: ReadonlyMap<string, Registration>, nowMs: number): void {
    const known = new Map(this.#all.map((one) => [nameOf(one), one]));
    const drains: Drain[] = [];
    for (const [service, { members }] of registrations) {
      for (const member of members) {
        const server = realServerKey(member);
        const before = known.get(nameOf({ service, server }));
        if (member.draining && before?.by !== "change")
          drains.push({ service, server, startedAt: nowMs, by: "change" });
        else if (before && (member.draining || before.by === "operator")) drains.push(before);
      }
    }
    this.#all = drains;
  }

  /** Drains servers because an operator asks for it; those that drain already go on as they do. */
  start(servers: readonly Pick<Drain, "service" | "server">[], nowMs: number): void {
    const known = new Set(this.#all.map(nameOf));
    const begun = servers.filter((one) => !known.has(nameOf(one)));
    this.#all = [...this.#all, ...begun.map((one): Drain => ({ ...one, startedAt: nowMs, by: "operator" }))];
  }

  /** Takes back what an operator has asked for. */
  end(servers: readonly Pick<Drain, "service" | "server">[]): void {
    const ended = new Set(servers.map(nameOf));
    this.#all = this.#all.filter((one) => one.by === "change" || !ended.has(nameOf(one)));
  }

  /** Whether an operator has asked for a server to be drained. */
  isAsked(service: string, server: string): boolean {
    return this.#all.some((one) => one.by === "operator" && one.service === service && one.server === server);
  }

  /**
   * Drains of changes that are over, and that nobody has ended: their server has no connections any more, or its time
   * is up. A clock that was set back does not prolong one beyond its time from now.
   */
  due(
    registrations: ReadonlyMap<string, Registration>,
    counts: readonly ConnectionCount[],
    nowMs: number,
  ): readonly Drain[] {
    this.#all = this.#all.map((one) => (one.startedAt > nowMs ? { ...one, startedAt: nowMs } : one));
    return this.#all.filter(({ by, service, server, startedAt }) => {
      const member = registrations.get(service)?.members.find((one) => realServerKey(one) === server);
      if (by !== "change" || member?.drainMs === undefined) return false;
      const elapsedMs = nowMs - startedAt - GRACE_MS;
      if (elapsedMs >= member.drainMs) return true;
      return elapsedMs >= 0 && !hasConnections(counts, service, server, isConnectionless(service));
    });
  }
}

/** A registration without members whose drains are over. */
export function without(registration: Registration, servers: ReadonlySet<string>): Registration {
  const stays = (member: Member) => !servers.has(realServerKey(member));
  return { ...registration, members: registration.members.filter(stays) };
}

function nameOf({ service, server }: Pick<Drain, "service" | "server">): string {
  return `${service} ${server}`;
}
