import type { Duplex } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import type { Target, Verdict } from "../health";
import type { ConnectionCount, Limits } from "../ipvs";
import type { ActiveHealthCheck, HostConnection } from "../spec";
import { AgentLink } from "./agent-link";
import { type Applied, abandon, type Batch, isMissing, type Job, prepare, settle } from "./batch";
import type { Change } from "./change";
import { CONNECTIONS_SCRIPT, parseConnections } from "./connections";
import { ATTEMPTS, pauseMs } from "./contention";
import { BusyError, ConnectionLostError } from "./errors";
import type { ForwardingPath } from "./forwarding-path";
import { ForwardingProbe } from "./forwarding-probe";
import { forwardingCommand } from "./forwarding-script";
import { GroupCommit } from "./group-commit";
import { LIMITS_SCRIPT, parseLimitsAnswer } from "./limits";
import type { Depth, Link } from "./link";
import type { PlaneAnswer } from "./plane-answer";
import type { ChangeRequest } from "./request";
import { command } from "./root-script";
import type { SessionPool } from "./session-pool";
import { SshLink } from "./ssh-link";
import type { CommandResult, SshSession } from "./ssh-session";
import type { Answer, DirectorState } from "./state";

/** How a director is run: with nothing installed on it, or by an agent of ours that owns its table. */
export type Mode = "ssh" | "agent";

/**
 * One director, reached over SSH. Reads and changes are conditional on each other: a
 * change is computed from a state and written only if that is still the state, so neither another run of ours
 * nor a person with ipvsadm is overwritten unseen. Changes that arrive while the director is busy leave together.
 */
export class Director {
  readonly #commits = new GroupCommit<Job>((jobs) => this.#commit(jobs));
  #known: DirectorState | undefined;
  /** The last inspection, and when it was asked for. */
  #looked: { readonly state: DirectorState; readonly atMs: number } | undefined;
  #glancing: Promise<DirectorState> | undefined;
  #reading: Promise<DirectorState> | undefined;
  #inspecting: Promise<DirectorState> | undefined;
  #counting: Promise<ConnectionCount[]> | undefined;
  readonly #link: Link;

  constructor(
    readonly name: string,
    private readonly connection: HostConnection,
    private readonly pool: SessionPool,
    readonly mode: Mode = "ssh",
    private readonly looksLastMs = 0,
  ) {
    const session = () => this.#session();
    this.#link =
      mode === "agent" ? new AgentLink(name, this.#user, session) : new SshLink(name, this.#user, session);
  }

  /** What the director holds now; the same object as long as that is the same. Calls that overlap share one read. */
  read(): Promise<DirectorState> {
    this.#reading ??= this.#read("whole").finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /**
   * What the director holds now, with the thresholds and the kernel's own order. Calls that overlap share one look.
   *
   * @param oldestMs how long ago a look may have begun that serves this one as well, as long as nothing else was learnt
   *   of the director since
   */
  async inspect(oldestMs = this.looksLastMs): Promise<DirectorState> {
    const { state, atMs = 0 } = this.#looked ?? {};
    if (state && state === this.#known && performance.now() - atMs < oldestMs) return state;
    this.#inspecting ??= this.#inspect().finally(() => {
      this.#inspecting = undefined;
    });
    return this.#inspecting;
  }

  /**
   * Says whether a change may be made, without making it: throws what {@link change} would. Changes nothing. The director is
   * asked each time: one that has died, or holds something else by now, is to be known before any other is changed. A glance
   * is enough to say yes; to say no, its table is read whole.
   */
  async rehearse(change: Change): Promise<DirectorState> {
    const seen = await this.#glance();
    if (isAllowed(change, this.name, seen)) return seen;
    const state = await this.read();
    change.apply({ director: this.name, registry: state.registry, table: state.table });
    return state;
  }

  /** What a change goes by. Calls that overlap share one. */
  #glance(): Promise<DirectorState> {
    this.#glancing ??= this.#read("glance").finally(() => {
      this.#glancing = undefined;
    });
    return this.#glancing;
  }

  /** Carries out a change; resolves when the kernel holds it, rejects when it does not or must not. */
  change(change: Change): Promise<Applied> {
    return new Promise((resolve, reject) => this.#commits.submit({ change, resolve, reject }));
  }

  /** How many connections each destination has, right now. Calls that overlap share one answer. */
  connections(): Promise<ConnectionCount[]> {
    this.#counting ??= this.#count().finally(() => {
      this.#counting = undefined;
    });
    return this.#counting;
  }

  async #inspect(): Promise<DirectorState> {
    const atMs = performance.now();
    const state = this.#learn(await this.#link.read(() => this.#known, "limits"));
    const inspected = this.mode === "ssh" ? state : { ...state, limits: await this.#limits() };
    if (this.#known === state) this.#known = inspected;
    this.#looked = { state: inspected, atMs };
    return inspected;
  }

  async #limits(): Promise<Limits> {
    return parseLimitsAnswer(this.name, await this.execute(LIMITS_SCRIPT, "", "reading its thresholds"));
  }

  async #count(): Promise<ConnectionCount[]> {
    const session = await this.#session();
    return parseConnections(this.name, await session.run(CONNECTIONS_SCRIPT, "", "counting connections"));
  }

  /** Runs one of our fixed scripts as root (see root-script.ts for the manner) and feeds it `input`. */
  async execute(
    script: string,
    input: string | Buffer,
    doing: string,
    timeoutMs?: number,
  ): Promise<CommandResult> {
    const session = await this.#session();
    return session.run(command(script, this.#user), input, doing, timeoutMs);
  }

  /** Opens a connection from the director to a server. */
  async dial(target: Target, signal: AbortSignal): Promise<Duplex> {
    const session = await this.#session();
    return session.dial(target, signal);
  }

  /** How the director stands to what it shares with others; undefined: it shares with nobody. */
  async plane(): Promise<PlaneAnswer | undefined> {
    return this.#link.plane?.();
  }

  /** Has a server checked from the director until it is healthy or its deadline is over. */
  verdict(check: ActiveHealthCheck, target: Target): Promise<Verdict> {
    return this.#link.verdict(check, target);
  }

  /**
   * Has the director set up a connection to a server through the forwarding path; see {@link ForwardingProbe}.
   *
   * @throws ForwardingCheckError when it cannot
   */
  async probe(path: ForwardingPath, lifetimeS: number): Promise<ForwardingProbe | "local"> {
    const session = await this.#session();
    const channel = await session.openChannel(forwardingCommand(this.#user), "checking the forwarding path");
    return ForwardingProbe.open(this.name, channel, path, lifetimeS);
  }

  get #user(): string {
    return this.connection.user ?? "root";
  }

  async #commit(jobs: readonly Job[]): Promise<void> {
    try {
      await this.#attempt(jobs);
    } catch (error) {
      this.#known = undefined;
      for (const job of jobs) job.reject(error);
    }
  }

  /**
   * A change is computed from the last state known, since the director itself refuses it when that is no longer the
   * state. Only what is not sent has nobody to refuse it: that nothing is to be done, or that a change must not be
   * made, is believed of a fresh state alone.
   *
   * When the connection breaks the change may have been made, or be made later by a script that still waits for the
   * lock. Sending it once more settles that: whichever comes second finds another state than it was made for. It is
   * undone by what stood before the turn that made it, not by what the last one found.
   */
  async #attempt(jobs: readonly Job[]): Promise<void> {
    let fresh = this.#known === undefined;
    let state = this.#known ?? (await this.read());
    let lost: unknown;
    let isRefused = false;
    const made: Batch[] = [];
    let complaint: { readonly batch: Batch; readonly messages: string } | undefined;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (isRefused && attempt > 2) {
        await delay(pauseMs(attempt - 1));
        // What was told before the pause would be old again. Where it cannot be read the change tells why, and what was made before.
        state = await this.read().catch(() => state);
      }
      isRefused = false;
      let batch = prepare(this.name, state, jobs, made);
      if (!fresh && (batch.request === undefined || batch.refused.size > 0)) {
        state = await this.read();
        batch = prepare(this.name, state, jobs, made);
      }
      if (batch.request === undefined) return settle(this.name, batch, state, "");
      try {
        const answer = await this.#change(state, batch.request);
        state = batch.limited ? { ...answer.state, limits: await this.#limits() } : answer.state;
        fresh = true;
        if (answer.outcome !== "applied") {
          // Another director may have been asked for the same, and this one has followed: what stood before is known from now.
          if (answer.isShared) made.push(batch);
          isRefused = true;
          continue;
        }
        // After complaints the later registry was not written; where the kernel is right all the same, one more turn writes it.
        if (complaint || answer.messages === "" || /^address /m.test(answer.messages))
          return settle(this.name, batch, state, answer.messages);
        complaint = { batch, messages: answer.messages };
        made.push(batch);
        if (isMissing(batch, state)) return settle(this.name, batch, state, answer.messages);
      } catch (error) {
        // What an earlier turn has made, or may have, is not known to be gone because this one failed.
        if (lost !== undefined) throw lost;
        if (!(error instanceof ConnectionLostError)) {
          if (!complaint) throw error;
          return abandon(this.name, complaint.batch, `${complaint.messages}\n${String(error)}`);
        }
        lost = error;
        made.push(batch);
        state = await this.read().catch(() => Promise.reject(error));
        fresh = true;
      }
    }
    if (complaint) return abandon(this.name, complaint.batch, complaint.messages);
    // It may have been made before the connection broke.
    if (lost !== undefined) throw lost;
    throw new BusyError(
      this.name,
      `its table or registry was changed by somebody else ${ATTEMPTS} times in a row`,
    );
  }

  async #read(depth: Depth): Promise<DirectorState> {
    return this.#learn(await this.#link.read(() => this.#known, depth));
  }

  async #change(known: DirectorState, request: ChangeRequest): Promise<Answer> {
    const answer = await this.#link.change(known, request);
    this.#learn(answer);
    return answer;
  }

  #learn({ state }: Answer): DirectorState {
    this.#known = state;
    return state;
  }

  #session(): Promise<SshSession> {
    return this.pool.get(this.name, this.connection);
  }
}

function isAllowed(change: Change, director: string, { registry, table }: DirectorState): boolean {
  try {
    change.apply({ director, registry, table });
    return true;
  } catch {
    return false;
  }
}
