import {
  type Digests,
  EMPTY_REGISTRY,
  findRegistration,
  knownTable,
  type Registration,
  type Registry,
  registeredMembers,
  sha256,
  type TableText,
  tableDigest,
  withServices,
} from "../director/data";
import {
  describeEdit,
  type Edit,
  editedEntry,
  findService,
  type Limits,
  plan,
  type Service,
  serviceKey,
  type Table,
} from "../ipvs";
import { realServerKey } from "../spec";
import { Drains } from "./drains";
import type { HealthRecord } from "./health-record";
import { madeBut } from "./made";
import { nominalService } from "./nominal";
import { onlyOurs, ourServers } from "./ours";
import { PoolWants } from "./pool-wants";
import { registrations } from "./probes";
import { readRegistry } from "./registry-file";
import type { Watch } from "./watch";

/** What a table lacks of what is wanted. */
export interface Due {
  readonly edits: readonly Edit[];
  /** Those of them that take back what somebody else has changed. */
  readonly repairs: readonly Edit[];
  /** What somebody else has changed and is only to be told of, in sentences. */
  readonly drift: readonly string[];
  /** All that is wanted, by key; to be handed back once the edits are made. */
  readonly wanted: ReadonlyMap<string, Service>;
}

/** A virtual server as it was when the kernel held what was wanted of it. */
interface Right {
  readonly found: Service;
  /** See {@link PoolWants.basis}. */
  readonly basis: string;
}

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
  /** What was last made of each virtual server. */
  readonly #made = new Map<string, Service>();
  /** Of virtual servers of which nothing was to be done: what the kernel held, and what that followed from. */
  readonly #right = new WeakMap<Registration, Right>();

  /** @param onQuorum told of each virtual server that has lost its quorum, or has it again */
  constructor(
    readonly watch: Watch,
    { lost, drains }: HealthRecord,
    onQuorum: (service: string, up: boolean) => void,
  ) {
    this.drains = new Drains(drains);
    this.#wants = new PoolWants(watch, this.drains, lost, onQuorum);
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
    for (const key of this.#made.keys()) if (!all.has(key)) this.#made.delete(key);
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
    for (const key of keys) this.#made.delete(key);
  }

  /**
   * What has been made: from now on the kernel holds it, until somebody else changes it.
   *
   * @param refused names of entries that the kernel did not take (see `entryName`): they are as they were
   */
  settled(wanted: ReadonlyMap<string, Service>, refused: ReadonlySet<string> = new Set()): void {
    for (const [key, service] of wanted) {
      const made = madeBut(service, this.#made.get(key), refused);
      if (made) this.#made.set(key, made);
    }
  }

  /**
   * What the table lacks, by the health of servers as it was last heeded. What somebody else has changed is among the edits
   * only where that is to be taken back.
   */
  due(text: TableText, limits?: Limits): Due {
    const [target, told]: [Service[], Service[]] = [[], []];
    const wanted = new Map<string, Service>();
    const looked = new Map<Registration, Right>();
    const all = registrations(this.#registry);
    // Servers of nobody keep the thresholds that they have.
    const known = { table: text.table, limits, registry: this.#registry };
    const table = limits === undefined ? text.table : knownTable(known, new Set(all.keys()));
    for (const [key, registration] of all) {
      const found = findService(table, key);
      const made = this.#made.get(key);
      if (found && made && limits === undefined && registration.driftPolicy !== "report") {
        // The same comes of the same. A thousand servers that come back one by one are a thousand looks at all the others.
        const basis = this.#wants.basis(key, registration);
        const right = this.#right.get(registration);
        if (right?.found === found && right.basis === basis) continue;
        looked.set(registration, { found, basis });
      }
      const { service } = this.#wants.want(key, registration, found);
      wanted.set(key, service);
      if (registration.driftPolicy !== "report" || made === undefined) target.push(service);
      else {
        if (found) target.push(onlyOurs(found, made, service, ourServers(registration)));
        told.push(service);
      }
    }
    const edits = this.#missing(text, limits, target);
    const left = told.length === 0 ? [] : this.#missing(text, limits, told);
    const made = new Set(edits.map(describeEdit));
    const edited = new Set(edits.map(({ service }) => serviceKey(service)));
    for (const [registration, right] of looked)
      if (!edited.has(serviceKey(right.found))) this.#right.set(registration, right);
    const drift = left.map(describeEdit).filter((one) => !made.has(one));
    // Of these nothing is taken back.
    for (const service of told) edited.delete(serviceKey(service));
    return { edits, repairs: this.#repairs(edits, edited, text, limits), drift, wanted };
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

  /**
   * Of edits, those of entries that are not as they were last made: somebody else was there since. Others follow from what
   * is wanted now and was not before.
   *
   * @param edited keys of the virtual servers that are looked at
   */
  #repairs(
    edits: readonly Edit[],
    edited: ReadonlySet<string>,
    text: TableText,
    limits: Limits | undefined,
  ): Edit[] {
    const made = [...edited].flatMap((key) => this.#made.get(key) ?? []);
    if (made.length === 0) return [];
    const touched = new Set(this.#missing(text, limits, made).map(editedEntry));
    return edits.filter((one) => touched.has(editedEntry(one)));
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

  #missing({ table }: TableText, limits: Limits | undefined, wanted: readonly Service[]): Edit[] {
    const scope = new Set(wanted.map(serviceKey));
    return plan(knownTable({ table, limits, registry: this.#registry }, scope), wanted, scope);
  }
}

/** Digests of tables that are looked at again and again. */
const digests = new WeakMap<TableText, string>();

function digestOf(table: TableText): string {
  const digest = digests.get(table) ?? tableDigest(table.lines);
  digests.set(table, digest);
  return digest;
}
