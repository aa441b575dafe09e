import assert from "node:assert/strict";
import type { Change, Registration } from "../../director";
import { type Batch, type Job, prepare } from "../../director/batch";
import { duringRegistry, EMPTY_REGISTRY, findRegistration, type Registry } from "../../director/registry";
import { parseRegistry, renderRegistry } from "../../director/registry-format";
import { sha256 } from "../../director/sha256";
import { type DirectorState, tableDigest } from "../../director/state";
import { destinationKey, plan, renderTable, type Service, serviceKey, type Table } from "../../ipvs";
import { applyEdit } from "./model-kernel";

/** What came of a change: what was registered before it, or why it was refused. */
export type Outcome = { readonly before: Registration | undefined } | { readonly refused: unknown };

/**
 * A director without a network: a registry and a kernel's table, changed by groups of changes as a real one is. After
 * every single step everything in the table must be registered, or be a stranger's that stands as it always did.
 */
export class ModelDirector {
  registry: Registry = EMPTY_REGISTRY;
  /** Real servers that somebody else has put into a service, by the service. */
  readonly strangers = new Map<string, string>();
  /** Services of which such servers are being taken out, because the pool is listed as a whole now. */
  readonly #yielding = new Set<string>();

  /** @param foreign services that belong to somebody else */
  constructor(
    readonly foreign: Table,
    public table: Table = foreign,
  ) {}

  /**
   * Carries out a group.
   *
   * @param crashAfter steps after which the director dies; a whole change takes two steps more than it has edits
   * @returns undefined when it died: nobody learns what became of the group
   */
  run(changes: readonly Change[], crashAfter = Number.POSITIVE_INFINITY): Outcome[] | undefined {
    const jobs = changes.map(
      (change): Job => ({ change, resolve: () => undefined, reject: () => undefined }),
    );
    const batch = prepare("d1", this.#state(), jobs);
    if (!this.#carryOut(batch, crashAfter)) return undefined;
    this.#expectHeld(batch);
    return jobs.map((job) =>
      batch.refused.has(job) ? { refused: batch.refused.get(job) } : { before: batch.accepted.get(job) },
    );
  }

  /** Somebody puts a server of his own into a service. */
  addStranger(key: string, server: string): void {
    const service = this.table.find((one) => serviceKey(one) === key);
    if (!service || service.destinations.some((one) => destinationKey(one) === server)) return;
    const [address = "", port] = server.split(":");
    const destination = { address, port: Number(port), method: "nat", weight: 3, extra: "" } as const;
    this.table = applyEdit(this.table, { kind: "add-destination", service, destination });
    this.strangers.set(key, server);
  }

  #carryOut(batch: Batch, crashAfter: number): boolean {
    let steps = crashAfter;
    const edits = plan(this.table, batch.desired, batch.scope);
    assert.equal(edits.length, batch.edits);
    const after = batch.request?.predicted.registry ?? this.registry;
    // An inline pool is the whole pool: what strangers put there goes.
    for (const key of batch.scope) {
      if (findRegistration(after, key)?.registration.pool !== "separate") this.#yielding.add(key);
    }
    if (!batch.request) assert.deepEqual(edits, [], "edits without a request");
    if (steps-- <= 0) return false;
    this.#write(duringRegistry(this.registry, after));
    for (const edit of edits) {
      if (steps-- <= 0) return false;
      this.table = applyEdit(this.table, edit);
      this.expectOwned();
    }
    if (steps-- <= 0) return false;
    this.#write(after);
    for (const key of this.#yielding) this.strangers.delete(key);
    this.#yielding.clear();
    return true;
  }

  /** To disk and back, as a director keeps it. */
  #write(registry: Registry): void {
    const read = parseRegistry(renderRegistry(registry));
    assert.ok(read, "a registry that cannot be read");
    this.registry = read;
    this.expectOwned();
  }

  /** Fails when the table holds something that nobody has registered and no stranger has put there. */
  expectOwned(): void {
    for (const service of this.table) {
      const key = serviceKey(service);
      const owned = this.#registrations(key);
      const foreign = this.foreign.find((one) => serviceKey(one) === key);
      if (owned.length === 0) {
        assert.deepEqual(service, foreign, `${key} is nobody's`);
        continue;
      }
      const members = new Set(owned.flatMap((one) => one.members.map(destinationKey)));
      for (const one of service.destinations.map(destinationKey)) {
        assert.ok(members.has(one) || this.strangers.get(key) === one, `${one} of ${key} is nobody's`);
      }
    }
    for (const one of this.foreign) assert.ok(this.table.includes(one), `${serviceKey(one)} was touched`);
    for (const [key, server] of this.strangers) {
      if (this.#yielding.has(key)) continue;
      const service = this.table.find((one) => serviceKey(one) === key);
      const found = service?.destinations.find((one) => destinationKey(one) === server);
      assert.equal(found?.weight, 3, `${server} of ${key} was a stranger's`);
    }
  }

  #registrations(key: string): Registration[] {
    return Object.values(this.registry.owners).flatMap((owner) => owner.virtualServers[key] ?? []);
  }

  /** Fails unless the table is what was asked for, what was predicted, and needs no further change. */
  #expectHeld(batch: Batch): void {
    assert.deepEqual(plan(this.table, batch.desired, batch.scope), []);
    if (batch.request) assert.deepEqual(batch.request.predicted.lines, linesOf(this.table));
    for (const { registration, key } of this.#all()) {
      const service = this.table.find((one) => serviceKey(one) === key);
      assert.ok(service, `${key} is registered and not there`);
      const members = registration.members.map(destinationKey);
      const strangers = this.strangers.get(key) ?? [];
      assert.deepEqual(
        service.destinations.map(destinationKey).sort(),
        [...members, ...[strangers].flat()].sort(),
        key,
      );
    }
  }

  #all(): { key: string; registration: Registration }[] {
    return Object.values(this.registry.owners).flatMap(({ virtualServers }) =>
      Object.entries(virtualServers).map(([key, registration]) => ({ key, registration })),
    );
  }

  #state(): DirectorState {
    const lines = linesOf(this.table);
    const digests = { registry: sha256(renderRegistry(this.registry)), table: tableDigest(lines) };
    return { kernel: "6.12.0", registry: this.registry, table: this.table, lines, digests, canonical: true };
  }
}

function linesOf(table: readonly Service[]): string[] {
  return renderTable(table).split("\n").slice(0, -1).sort();
}
