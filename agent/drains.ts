import type { Member, Registration } from "../director/data";
import { type ConnectionCount, hasConnections, isConnectionless } from "../ipvs";
import { realServerKey } from "../spec";

/** A server on its way out: it takes no new connections, those it has may end. */
export interface Drain {
  /** Of which virtual server, by its key. */
  readonly service: string;
  /** By `realServerKey`. */
  readonly server: string;
  /** Epoch, in milliseconds; for people. */
  readonly startedAt: number;
  /** How long it has been draining, as of the last record. Not reckoned from `startedAt`: clocks are set. */
  readonly elapsedMs: number;
  /** `change`: the program has removed it. `operator`: somebody asked for it here, and it stays until he takes it back. */
  readonly by: "change" | "operator";
  /** Since when its server is registered no more, by the same reckoning as `elapsedMs`. */
  readonly goneMs?: number;
}

/**
 * How long the agent lets whoever made a change finish the drain himself, beyond the end of its time: he is waiting for all
 * directors, and may have to take it back.
 */
const GRACE_MS = 30_000;

/** A handshake that began before the weight fell is an established connection by then. */
const HANDSHAKE_MS = 1_000;

/** An operator's drain outlives a change that takes the server out and is taken back; not a new server of that address. */
const MEMORY_MS = 600_000;

/** All drains of a director. They outlive a restart of the agent; while none runs their times stand still. */
export class Drains {
  /** Each with the monotonic time at which it would have begun. */
  #all: readonly { readonly drain: Drain; readonly begunMs: number }[];

  constructor(
    recorded: readonly Drain[],
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    this.#all = recorded.map((drain) => ({ drain, begunMs: nowMs() - drain.elapsedMs }));
  }

  get all(): readonly Drain[] {
    return this.#all.map(({ drain, begunMs }) => ({
      ...drain,
      elapsedMs: Math.round(this.nowMs() - begunMs),
    }));
  }

  /** Takes up what a change has set to drain, and forgets what is no longer there or drains no more. */
  follow(registrations: ReadonlyMap<string, Registration>): void {
    const members = new Map<string, Member>();
    for (const [service, registration] of registrations)
      for (const member of registration.members) members.set(nameOf(service, realServerKey(member)), member);
    const kept = this.#all.flatMap((one) => {
      const member = members.get(nameOf(one.drain.service, one.drain.server));
      if (one.drain.by === "change") return member?.draining ? [one] : [];
      return this.#remembered(one, member !== undefined);
    });
    const known = new Set(
      kept.flatMap(({ drain }) => (drain.by === "change" ? [nameOf(drain.service, drain.server)] : [])),
    );
    const begun = [...registrations].flatMap(([service, registration]) =>
      registration.members
        .filter((member) => member.draining && !known.has(nameOf(service, realServerKey(member))))
        .map((member) => this.#begin(service, realServerKey(member), "change")),
    );
    this.#all = [...kept, ...begun];
  }

  /** Drains servers because an operator asks for it; those of which one has asked already go on as they do. */
  start(servers: readonly Pick<Drain, "service" | "server">[]): void {
    const begun = servers
      .filter(({ service, server }) => !this.isAsked(service, server))
      .map(({ service, server }) => this.#begin(service, server, "operator"));
    this.#all = [...this.#all, ...begun];
  }

  /** Takes back what operators have asked for. */
  end(servers: readonly Pick<Drain, "service" | "server">[]): void {
    const ended = new Set(servers.map(({ service, server }) => nameOf(service, server)));
    this.#all = this.#all.filter(
      ({ drain }) => drain.by === "change" || !ended.has(nameOf(drain.service, drain.server)),
    );
  }

  /** Whether an operator has asked for a server to be drained. */
  isAsked(service: string, server: string): boolean {
    return this.#all.some(
      ({ drain }) => drain.by === "operator" && drain.service === service && drain.server === server,
    );
  }

  /** Whether an operator has asked for any server of a virtual server to be drained. */
  isAnyAsked(service: string): boolean {
    return this.#all.some(({ drain }) => drain.by === "operator" && drain.service === service);
  }

  /** Whether any drain is the agent's own to end: nobody waits for it. */
  isAnyLeaving(registrations: ReadonlyMap<string, Registration>): boolean {
    if (!this.#all.some(({ drain }) => drain.by === "change")) return false;
    return [...registrations.values()].some(({ members }) => members.some((one) => one.leaving));
  }

  /**
   * Drains of changes that are to end: those for which nobody waits once their time is up or their connections have ended,
   * and those whose time has long been up, because whoever made the change was killed.
   *
   * @param counts the kernel's connections; undefined: it does not tell
   */
  due(
    registrations: ReadonlyMap<string, Registration>,
    counts?: readonly ConnectionCount[],
  ): readonly Drain[] {
    return this.all.filter(({ by, service, server, elapsedMs }) => {
      const member = registrations.get(service)?.members.find((one) => realServerKey(one) === server);
      if (by !== "change" || member?.drainMs === undefined) return false;
      if (!member.leaving) return elapsedMs >= member.drainMs + GRACE_MS;
      const settling = isConnectionless(service) || elapsedMs < HANDSHAKE_MS;
      const isIdle = counts !== undefined && !hasConnections(counts, service, server, settling);
      return isIdle || elapsedMs >= member.drainMs;
    });
  }

  #begin(service: string, server: string, by: Drain["by"]) {
    return { drain: { service, server, startedAt: Date.now(), elapsedMs: 0, by }, begunMs: this.nowMs() };
  }

  #remembered(one: { readonly drain: Drain; readonly begunMs: number }, isThere: boolean) {
    const { goneMs, ...drain } = one.drain;
    const elapsedMs = this.nowMs() - one.begunMs;
    // Before whether it is there: nobody may have looked in the meantime, and it is a new one.
    if (goneMs !== undefined && elapsedMs - goneMs > MEMORY_MS) return [];
    if (isThere) return [{ ...one, drain }];
    return [{ ...one, drain: { ...drain, goneMs: goneMs ?? elapsedMs } }];
  }
}

/** A registration without members whose drains are over. */
export function without(registration: Registration, servers: ReadonlySet<string>): Registration {
  const stays = (member: Member) => !servers.has(realServerKey(member));
  return { ...registration, members: registration.members.filter(stays) };
}

function nameOf(service: string, server: string): string {
  return `${service} ${server}`;
}
