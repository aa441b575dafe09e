import {
  type Digests,
  EMPTY_REGISTRY,
  findRegistration,
  knownTable,
  type Registry,
  registeredMembers,
  sha256,
  type TableText,
  tableDigest,
  withServices,
} from "../director/data";
import { type Edit, findService, type Limits, plan, type Service, serviceKey, type Table } from "../ipvs";
import { realServerKey } from "../spec";
import { Drains } from "./drains";
import { type Due, Dues } from "./due";
import type { HealthRecord } from "./health-record";
import { Made } from "./made";
import { nominalService } from "./nominal";
import { PoolWants } from "./pool-wants";
import { registrations } from "./probes";
import { readRegistry } from "./registry-file";
import type { Watch } from "./watch";

/**
 * What is declared on a director, what is known of the servers, and what the two come to. Changes neither files nor the
 * kernel: it says what is to be in them.
 */
export class Pools {
  #registry: Registry = EMPTY_REGISTRY;
  #text = "";
  #digest = sha256("");
  readonly #wants: PoolWants;
  readonly drains: Drains;
  readonly #made = new Made();
  readonly #dues: Dues;

  /** @param onQuorum told of each virtual server that has lost its quorum, or has it again */
  constructor(
    readonly watch: Watch,
    { lost, drains }: HealthRecord,
    onQuorum: (service: string, up: boolean) => void,
  ) {
    this.drains = new Drains(drains);
    this.#wants = new PoolWants(watch, this.drains, lost, onQuorum);
    this.#dues = new Dues(this.#wants, this.#made);
  }

  get registry(): Registry {
    return this.#registry;
  }

  /** The registry's file; its digest is what a change is conditional on. */
  get text(): string {
    return this.#text;
  }

  get revision(): string {
    return this.#digest;
  }

  /** Virtual servers without their quorum. */
  get lost(): ReadonlySet<string> {
    return this.#wants.lost;
  }

  /** Takes a registry for what is declared, without any consequence yet. Throws RegistryError. */
  adopt(text: string): void {
    this.#registry = readRegistry(text);
    this.#text = text;
    this.#digest = sha256(text);
  }

  /** From what is declared follows what is checked, and what drains. */
  follow(): void {
    const all = registrations(this.#registry);
    this.watch.follow(this.#registry);
    this.drains.follow(all);
    this.#wants.follow(all);
    this.#made.follow(all);
  }

  /** See {@link PoolWants.believe}. To be said before {@link follow}. */
  believe(table: Table): void {
    this.#wants.believe(this.#registry, table);
  }

  /**
   * The edits of a change.
   *
   * @param scope the virtual servers that change
   * @param desired they as declared; undefined: as they are registered
   * @param before what was registered until now, and what the kernel held: thresholds as they were registered or, where
   *   that is known, as they are
   */
  changes(
    { scope, desired }: { readonly scope: readonly string[]; readonly desired?: Table },
    before: { readonly registry: Registry; readonly text: TableText; readonly limits?: Limits | undefined },
  ): Edit[] {
    const keys = new Set(scope);
    const table = knownTable(
      { table: before.text.table, registry: before.registry, limits: before.limits },
      keys,
    );
    for (const key of scope) this.#wants.letIn(key);
    const wanted = scope.flatMap((key) => this.#ordered(key, desired, before.registry, table));
    return plan(table, wanted, keys);
  }

  /** What the kernel holds of virtual servers is not known any more: not all that was to be made of them was. */
  unsettled(keys: readonly string[]): void {
    this.#made.forget(keys);
  }

  /**
   * What has been made: from now on the kernel holds it, until somebody else changes it.
   *
   * @param refused names of entries that the kernel did not take (see `entryName`): they are as they were
   */
  settled(wanted: ReadonlyMap<string, Service>, refused: ReadonlySet<string> = new Set()): void {
    this.#made.settle(wanted, refused);
  }

  /** See {@link Dues.of}. */
  due(text: TableText, limits?: Limits): Due {
    return this.#dues.of({ text, limits, registry: this.#registry });
  }

  /** The table as it was declared, where it differs for a reason of health alone; and the digests of that. */
  nominal(text: TableText): { readonly table: TableText; readonly digests: Digests } {
    const all = registrations(this.#registry);
    const differing = text.table.flatMap((found) => {
      const key = serviceKey(found);
      const registration = all.get(key);
      if (!registration || this.#wants.isSound(key, registration)) return [];
      const nominal = nominalService(found, registration, this.#wants.want(key, registration, found));
      return nominal === found ? [] : [nominal];
    });
    const scope = new Set(differing.map(serviceKey));
    const table = differing.length === 0 ? text : withServices(text, differing, scope);
    return { table, digests: { registry: this.#digest, table: digestOf(table) } };
  }

  /** What must outlive a restart. */
  get record(): HealthRecord {
    return { down: this.watch.down, lost: [...this.#wants.lost], drains: this.drains.all };
  }

  /** A virtual server as a change wants it, with what its servers' health makes of it. */
  #ordered(key: string, desired: Table | undefined, before: Registry, table: Table): Service[] {
    const declared = desired && findService(desired, key);
    const registration = findRegistration(this.#registry, key)?.registration;
    if (desired && !declared) return [];
    if (!registration) return declared ? [declared] : [];
    const owned = registeredMembers(before, key);
    const { service } = this.#wants.want(key, registration, findService(table, key), owned);
    this.#made.set(key, service);
    // What a change gives back to nobody is among what is declared, and no member.
    const members = new Set([...service.destinations, ...registration.members].map(realServerKey));
    const given = declared?.destinations.filter((one) => !members.has(realServerKey(one))) ?? [];
    return [{ ...service, destinations: [...service.destinations, ...given] }];
  }
}

/** Digests of tables that are looked at again and again. */
const digests = new WeakMap<TableText, string>();

function digestOf(table: TableText): string {
  const digest = digests.get(table) ?? tableDigest(table.lines);
  digests.set(table, digest);
  return digest;
}
