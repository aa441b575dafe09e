import { type Applied, type Change, ConnectionLostError, type DirectorState } from "../../director";
import { type Job, prepare } from "../../director/batch";
import { knownTable } from "../../director/limits";
import { EMPTY_REGISTRY, type Registry } from "../../director/registry";
import { renderRegistry } from "../../director/registry-format";
import { sha256 } from "../../director/sha256";
import { tableDigest } from "../../director/state";
import type { Verdict } from "../../health";
import {
  type ConnectionCount,
  destinationKey,
  type Limits,
  parseTable,
  plan,
  renderTable,
  serviceKey,
  type Table,
} from "../../ipvs";
import { applyEdit } from "./model-kernel";

/** What the handlers ask of a director, answered without a network. Nothing answers on its servers. */
export class FakeDirector {
  registry: Registry = EMPTY_REGISTRY;
  table: Table;
  /** Which changes (the first is 1) find the connection lost; nothing of them is made. */
  lostAt: readonly number[] = [];
  counts: () => Promise<ConnectionCount[]> = async () => [];
  /** What happens on it before so many changes (the first is 1). */
  meanwhile: (nextChange: number) => void = () => undefined;
  #changes = 0;
  #isInspected = false;

  constructor(
    readonly name: string,
    text = "",
  ) {
    this.table = parseTable(text);
  }

  get text(): string {
    return renderTable(this.table);
  }

  async rehearse(change: Change): Promise<DirectorState> {
    const state = this.#state();
    change.apply({ director: this.name, registry: state.registry, table: state.table });
    return state;
  }

  async inspect(): Promise<DirectorState> {
    this.#isInspected = true;
    return this.#state();
  }

  async change(change: Change): Promise<Applied> {
    this.#changes++;
    this.meanwhile(this.#changes);
    if (this.lostAt.includes(this.#changes))
      throw new ConnectionLostError(this.name, "changing its table", "it is gone");
    const job: Job = { change, resolve: () => undefined, reject: () => undefined };
    const state = this.#state();
    const batch = prepare(this.name, state, [job]);
    if (batch.refused.has(job)) throw batch.refused.get(job);
    for (const edit of plan(knownTable(state, batch.scope), batch.desired, batch.scope))
      this.table = applyEdit(this.table, edit);
    this.registry = batch.request?.predicted.registry ?? this.registry;
    return { before: batch.accepted.get(job), edits: batch.edits };
  }

  connections(): Promise<ConnectionCount[]> {
    return this.counts();
  }

  async verdict(): Promise<Verdict> {
    return { healthy: false, answer: "connection refused", checks: 1 };
  }

  #state(): DirectorState {
    const lines = this.text.split("\n").slice(0, -1).sort();
    const digests = { registry: sha256(renderRegistry(this.registry)), table: tableDigest(lines) };
    const state = { kernel: "6.12.0", registry: this.registry, lines, digests, canonical: true };
    const table = this.table.map((service) => ({
      ...service,
      destinations: service.destinations.map(({ thresholds: _, ...one }) => one),
    }));
    return { ...state, table, ...(this.#isInspected && { limits: this.#limits() }) };
  }

  /** A table that is read does not tell them. */
  #limits(): Limits {
    const none = { upper: 0, lower: 0 };
    return new Map(
      this.table.map((service) => [
        serviceKey(service),
        new Map(service.destinations.map((one) => [destinationKey(one), one.thresholds ?? none])),
      ]),
    );
  }
}
