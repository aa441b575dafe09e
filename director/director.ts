import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import type { Target } from "../health";
import { describeEdit, destinationKey, type Edit, findService, plan, renderEdits, type Table } from "../ipvs";
import type { HostConnection } from "../spec";
import type { Change } from "./change";
import { desiredService } from "./desired";
import { BusyError, NotAppliedError } from "./errors";
import { GroupCommit } from "./group-commit";
import {
  duringRegistry,
  findRegistration,
  type Registration,
  type Registry,
  renderRegistry,
} from "./registry";
import { changeCommand, changeInput, readCommand } from "./script";
import type { SessionPool } from "./session-pool";
import { type Answer, type DirectorState, parseAnswer } from "./state";

/** What a change did on one director. */
export interface Applied {
  /** The registration it replaced, to undo it by. */
  readonly before: Registration | undefined;
  /** Commands sent to the kernel for the group it left with; 0: the director held it all already. */
  readonly edits: number;
}

/** Somebody else changing the same director makes us compute anew; so many times, then we report it. */
const ATTEMPTS = 5;

interface Job {
  readonly change: Change;
  readonly resolve: (applied: Applied) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One director, reached over SSH with nothing installed on it. Reads and changes are conditional on each other: a
 * change is computed from a state and written only if that is still the state, so neither another run of ours
 * nor a person with ipvsadm is overwritten unseen. Changes that arrive while the director is busy leave together.
 */
export class Director {
  readonly #commits = new GroupCommit<Job>((jobs) => this.#commit(jobs));
  readonly #key: string;
  #known: DirectorState | undefined;
  #ipvsadm = "";
  #reading: Promise<DirectorState> | undefined;

  constructor(
    readonly name: string,
    private readonly connection: HostConnection,
    private readonly pool: SessionPool,
  ) {
    this.#key = connectionKey(connection);
  }

  /** What the director holds now. Calls that overlap share one read. */
  read(): Promise<DirectorState> {
    this.#reading ??= this.#send(readCommand(this.#user), "", "reading its table")
      .then(({ state, messages }) => {
        this.#known = state;
        this.#ipvsadm = messages.trim().split("\n", 1)[0] ?? "";
        return state;
      })
      .finally(() => {
        this.#reading = undefined;
      });
    return this.#reading;
  }

  /** What `ipvsadm --version` said at the last read; empty before. */
  get ipvsadm(): string {
    return this.#ipvsadm;
  }

  /** Says whether a change may be made, without making it: throws what {@link change} would. Changes nothing. */
  async rehearse(change: Change): Promise<DirectorState> {
    const state = await this.read();
    change.apply({ director: this.name, registry: state.registry, table: state.table });
    return state;
  }

  /** Carries out a change; resolves when the kernel holds it, rejects when it does not or must not. */
  change(change: Change): Promise<Applied> {
    return new Promise((resolve, reject) => this.#commits.submit({ change, resolve, reject }));
  }

  /** Opens a connection from the director to a server. */
  async dial(target: Target, signal: AbortSignal): Promise<Duplex> {
    const session = await this.pool.get(this.#key, this.name, this.connection);
    return session.dial(target, signal);
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
   */
  async #attempt(jobs: readonly Job[]): Promise<void> {
    let fresh = this.#known === undefined;
    let state = this.#known ?? (await this.read());
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      let batch = prepare(this.name, state, jobs);
      if (!fresh && (batch.input === undefined || batch.refused.size > 0)) {
        state = await this.read();
        batch = prepare(this.name, state, jobs);
      }
      if (batch.input === undefined) return settle(this.name, batch, state, "");
      const answer = await this.#send(changeCommand(this.#user), batch.input, "changing its table");
      state = answer.state;
      this.#known = state;
      fresh = true;
      if (answer.outcome === "applied") return settle(this.name, batch, state, answer.messages);
    }
    throw new BusyError(
      this.name,
      `its table or registry was changed by somebody else ${ATTEMPTS} times in a row`,
    );
  }

  async #send(command: string, input: string, doing: string): Promise<Answer> {
    const session = await this.pool.get(this.#key, this.name, this.connection);
    return parseAnswer(this.name, await session.run(command, input, doing));
  }
}

interface Batch {
  /** With what was registered before each. */
  readonly accepted: ReadonlyMap<Job, Registration | undefined>;
  readonly refused: ReadonlyMap<Job, unknown>;
  readonly desired: Table;
  readonly scope: ReadonlySet<string>;
  readonly edits: number;
  /** undefined: nothing to send. */
  readonly input: string | undefined;
}

/** Applies the jobs' changes one after another; one that must not be made is refused and harms no other. */
function prepare(director: string, state: DirectorState, jobs: readonly Job[]): Batch {
  let registry = state.registry;
  const accepted = new Map<Job, Registration | undefined>();
  const refused = new Map<Job, unknown>();
  for (const job of jobs) {
    try {
      const before = findRegistration(registry, job.change.key)?.registration;
      registry = job.change.apply({ director, registry, table: state.table });
      accepted.set(job, before);
    } catch (error) {
      refused.set(job, error);
    }
  }
  const scope = new Set([...accepted.keys()].map(({ change }) => change.key));
  const desired = desiredTable(registry, state, scope);
  const edits = plan(state.table, desired, scope);
  const [old, during, after] = [state.registry, duringRegistry(state.registry, registry), registry].map(
    renderRegistry,
  );
  const input = changeInput({
    expected: state.digest,
    during: during === old ? undefined : during,
    rules: renderEdits(edits),
    after: after === during ? undefined : after,
  });
  const idle = edits.length === 0 && after === old;
  return {
    accepted,
    refused,
    desired,
    scope,
    edits: edits.length,
    input: idle ? undefined : input,
  };
}

function desiredTable(registry: Registry, state: DirectorState, scope: ReadonlySet<string>): Table {
  return [...scope].flatMap((key) => {
    const wanted = findRegistration(registry, key)?.registration;
    const before = findRegistration(state.registry, key)?.registration;
    return wanted ? [desiredService(wanted, findService(state.table, key), before)] : [];
  });
}

/** Tells every job whether the kernel holds what it asked for. */
function settle(director: string, batch: Batch, state: DirectorState, messages: string): void {
  for (const [job, error] of batch.refused) job.reject(error);
  for (const [{ change, resolve, reject }, before] of batch.accepted) {
    const left = plan(state.table, batch.desired, new Set([change.key])).filter((edit) =>
      concerns(change, edit),
    );
    if (left.length > 0) reject(new NotAppliedError(director, left.map(describeEdit), messages, before));
    else resolve({ before, edits: batch.edits });
  }
}

/** Of what is still missing from a virtual server, a change of one member answers for that member alone. */
function concerns({ member }: Change, edit: Edit): boolean {
  if (member === undefined) return true;
  return "destination" in edit ? destinationKey(edit.destination) === member : edit.kind === "add-service";
}

/** Tells connections apart without keeping their secrets as map keys. */
export function connectionKey(connection: HostConnection): string {
  return createHash("sha256").update(JSON.stringify(connection)).digest("hex");
}
