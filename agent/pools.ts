import {
  type Digests,
  EMPTY_REGISTRY,
  effectiveWeight,
  findRegistration,
  knownTable,
  type Member,
  type Registration,
  type Registry,
  registeredMembers,
  renderRegistry,
  sha256,
  type TableText,
  tableDigest,
  withServices,
} from "../director/data";
import {
  describeEdit,
  destinationKey,
  type Edit,
  findService,
  type Limits,
  plan,
  type Service,
  serviceKey,
  type Table,
} from "../ipvs";
import { realServerKey } from "../spec";
import { type Drain, Drains, without } from "./drains";
import { nominalService } from "./nominal";
import { onlyOurs, ourServers } from "./ours";
import { keyOf, registrations } from "./probes";
import { readRegistry } from "./registry-file";
import type { HealthRecord } from "./store";
import { type Wanted, wantedService } from "./wanted";
import type { Watch } from "./watch";

/** What a table lacks of what is wanted. */
export interface Due {
  readonly edits: readonly Edit[];
  /** What somebody else has changed and is only to be told of, in sentences. */
  readonly drift: readonly string[];
  /** All that is wanted, by key; to be handed back once the edits are made. */
  readonly wanted: ReadonlyMap<string, Service>;
}

/**
 * What is declared on a director, what is known of the servers, and what the two come to. Changes neither files nor the
 * kernel: it says what is to be in them.
 */
export class Pools {
  #registry: Registry = EMPTY_REGISTRY;
  #text = "";
  #digest = sha256("");
  /** Virtual servers without their quorum. */
  readonly #lost: Set<string>;
  readonly drains: Drains;
  /** What was last made of each virtual server. */
  readonly #made = new Map<string, Service>();
  /** What the kernel held of virtual servers whose servers are all well, when nothing was to be done. */
  readonly #sound = new WeakMap<Registration, Service>();
  /** Servers at weight 0 that an agent without any record has found, by virtual server: a change has to let them in. */
  readonly #asFound = new Map<string, ReadonlySet<string>>();

  /** @param onQuorum told of each virtual server that has lost its quorum, or has it again */
  constructor(
    readonly watch: Watch,
    { lost, drains }: HealthRecord,
    private readonly onQuorum: (service: string, up: boolean) => void,
  ) {
    this.#lost = new Set(lost);
    this.drains = new Drains(drains);
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

  get lost(): ReadonlySet<string> {
    return this.#lost;
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
    for (const key of this.#lost) if (!all.has(key)) this.#lost.delete(key);
    for (const key of this.#made.keys()) if (!all.has(key)) this.#made.delete(key);
    for (const key of this.#asFound.keys()) if (!all.has(key)) this.#asFound.delete(key);
  }

  /**
   * Nothing was ever written down here: whoever takes no connections in the kernel, though it is registered to, and is
   * asked nothing, is left so until a change has it asked. To be said before {@link follow}.
   */
  believe(table: Table): void {
    for (const [key, registration] of registrations(this.#registry)) {
      const weights = new Map(
        findService(table, key)?.destinations.map((one) => [destinationKey(one), one.weight]),
      );
      const idle = registration.members
        .filter((one) => effectiveWeight(one) > 0 && keyOf(registration, one) === undefined)
        .map(realServerKey)
        .filter((server) => (weights.get(server) ?? 0) === 0);
      if (idle.length > 0) this.#asFound.set(key, new Set(idle));
    }
  }

  /** Whether any server has thresholds: the table does not tell them, and they have to be asked for. */
  get isLimited(): boolean {
    return [...registrations(this.#registry).values()].some(({ members }) =>
      members.some(({ upperThreshold = 0 }) => upperThreshold > 0),
    );
  }

  /** The thresholds of what is registered, as a text to compare. */
  limitsText(limits: Limits | undefined): string {
    const ours = [...registrations(this.#registry).keys()].map((key) => [...(limits?.get(key) ?? [])]);
    return limits === undefined ? "" : JSON.stringify(ours);
  }

  /** Virtual servers that have a real server; `service`: only that one. */
  having(server: string, service: string | undefined): Pick<Drain, "service" | "server">[] {
    return [...registrations(this.#registry)]
      .filter(([key]) => service === undefined || key === service)
      .filter(([, { members }]) => members.some((one) => realServerKey(one) === server))
      .map(([key]) => ({ service: key, server }));
  }

  /** The registry's file without servers whose drains are over, and virtual servers whose last one has left. */
  drained(over: readonly Drain[]): string {
    const gone = new Map<string, Set<string>>();
    for (const { service, server } of over) gone.set(service, (gone.get(service) ?? new Set()).add(server));
    const owners = Object.entries(this.#registry.owners).flatMap(([id, owner]) => {
      const services = Object.entries(owner.virtualServers)
        .map(([key, one]) => [key, without(one, gone.get(key) ?? new Set())] as const)
        .filter(([, one]) => !(one.leaving && one.members.length === 0));
      return services.length === 0
        ? []
        : [[id, { ...owner, virtualServers: Object.fromEntries(services) }] as const];
    });
    return renderRegistry({ owners: Object.fromEntries(owners) });
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
    for (const key of scope) this.#asFound.delete(key);
    const wanted = scope.flatMap((key) => this.#ordered(key, desired, before.registry, table));
    return plan(table, wanted, keys);
  }

  /** What has been made: from now on the kernel holds it, until somebody else changes it. */
  settled(wanted: ReadonlyMap<string, Service>): void {
    for (const [key, service] of wanted) this.#made.set(key, service);
  }

  /** What the table lacks. What somebody else has changed is among the edits only where that is to be taken back. */
  due(text: TableText, limits?: Limits): Due {
    this.watch.heed();
    const [target, told]: [Service[], Service[]] = [[], []];
    const wanted = new Map<string, Service>();
    const sound = new Map<Registration, Service>();
    for (const [key, registration] of registrations(this.#registry)) {
      const found = findService(text.table, key);
      if (found && limits === undefined && this.#isSound(key, registration)) {
        if (this.#sound.get(registration) === found) continue;
        sound.set(registration, found);
      }
      const { service } = this.#want(key, registration, found);
      const made = this.#made.get(key);
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
    for (const [registration, found] of sound)
      if (!edited.has(serviceKey(found))) this.#sound.set(registration, found);
    return { edits, drift: left.map(describeEdit).filter((one) => !made.has(one)), wanted };
  }

  /** The table as it was declared, where it differs for a reason of health alone; and the digests of that. */
  nominal(text: TableText): { readonly table: TableText; readonly digests: Digests } {
    const all = registrations(this.#registry);
    const differing = text.table.flatMap((found) => {
      const key = serviceKey(found);
      const registration = all.get(key);
      if (!registration || this.#isSound(key, registration)) return [];
      const nominal = nominalService(found, registration, this.#want(key, registration, found));
      return nominal === found ? [] : [nominal];
    });
    const scope = new Set(differing.map(serviceKey));
    const table = differing.length === 0 ? text : withServices(text, differing, scope);
    return { table, digests: { registry: this.#digest, table: digestOf(table) } };
  }

  /** What must outlive a restart. */
  get record(): HealthRecord {
    return { down: this.watch.down(this.#registry), lost: [...this.#lost], drains: this.drains.all };
  }

  /** A virtual server as a change wants it, with what its servers' health makes of it. */
  #ordered(key: string, desired: Table | undefined, before: Registry, table: Table): Service[] {
    const declared = desired && findService(desired, key);
    const registration = findRegistration(this.#registry, key)?.registration;
    if (desired && !declared) return [];
    if (!registration) return declared ? [declared] : [];
    const owned = registeredMembers(before, key);
    const { service } = this.#want(key, registration, findService(table, key), owned);
    this.#made.set(key, service);
    // What a change gives back to nobody is among what is declared, and no member.
    const members = new Set([...service.destinations, ...registration.members].map(realServerKey));
    const given = declared?.destinations.filter((one) => !members.has(realServerKey(one))) ?? [];
    return [{ ...service, destinations: [...service.destinations, ...given] }];
  }

  #want(
    key: string,
    registration: Registration,
    found: Service | undefined,
    before: readonly Member[] = [],
  ): Wanted {
    const wanted = wantedService(this.#asTaken(key, registration), found, before, {
      isHealthy: (member) => this.watch.isHealthy(registration, member),
      isDrained: (member) => this.drains.isAsked(key, realServerKey(member)),
      wasUp: !this.#lost.has(key),
    });
    if (wanted.up === this.#lost.has(key)) {
      if (wanted.up) this.#lost.delete(key);
      else this.#lost.add(key);
      this.onQuorum(key, wanted.up);
    }
    return wanted;
  }

  /**
   * Whether nothing stands between what is declared of a virtual server and what is wanted of it: all servers are well, none
   * drains because somebody asked, and the pool had its quorum. Cheap to ask, and so for nearly all of them.
   */
  #isSound(key: string, registration: Registration): boolean {
    const { sorryServer, driftPolicy, members } = registration;
    if (sorryServer !== undefined || driftPolicy === "report") return false;
    if (this.#lost.has(key) || this.#asFound.has(key) || !this.watch.isWell(registration)) return false;
    return (
      this.drains.all.length === 0 || !members.some((one) => this.drains.isAsked(key, realServerKey(one)))
    );
  }

  /** With servers held back that were found so, and that nobody has let in since. */
  #asTaken(key: string, registration: Registration): Registration {
    const idle = this.#asFound.get(key);
    if (!idle) return registration;
    const members = registration.members.map((one) =>
      idle.has(realServerKey(one)) ? { ...one, held: true as const } : one,
    );
    return { ...registration, members };
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
