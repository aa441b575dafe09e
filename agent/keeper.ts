import {
  AGENT_PROTOCOL,
  type ChangeAnswer,
  type ChangeOrder,
  type Digests,
  desiredService,
  duringRegistry,
  EMPTY_REGISTRY,
  findRegistration,
  joinLines,
  knownTable,
  mergeDelta,
  parseRegistry,
  type Registration,
  type Registry,
  registeredMembers,
  registryLines,
  renderRegistry,
  type StateAnswer,
  sha256,
  type TableText,
  tableDigest,
  withServices,
} from "../director/data";
import type { Dial, ServerHealth } from "../health";
import { describeEdit, type Edit, findService, plan, type Service, serviceKey, type Table } from "../ipvs";
import { realServerKey } from "../spec";
import { Drains, without } from "./drains";
import type { Kernel } from "./kernel";
import type { Log } from "./log";
import { nominalService } from "./nominal";
import { registrations } from "./probes";
import type { HealthRecord, Journal, Store } from "./store";
import { Turns } from "./turns";
import { type Wanted, wantedService } from "./wanted";
import { Watch } from "./watch";

/** What a director is besides its table. */
export interface Host {
  readonly kernel: string;
  readonly ipvsadm: string;
}

/** What the keeper needs. */
export interface KeeperParts {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly dial: Dial;
  readonly log: Log;
  readonly host: Host;
  /** Makes the addresses of virtual servers stand where the cluster wants them; returns what could not be. */
  readonly place: () => Promise<string>;
}

/** The registry's file is there and cannot be understood: nothing is touched, because nobody knows what is ours. */
export class RegistryError extends Error {
  constructor(head: string) {
    super(
      `the registry in /var/lib/heye is neither of format 1 nor 2 (it begins with ${JSON.stringify(head)}): ` +
        "nothing is touched until it is. A newer package may have written it, or somebody edited it.",
    );
    this.name = "RegistryError";
  }
}

/**
 * The one owner of a director's table: what is declared, and the health of the servers, become entries in the kernel, and
 * stay so. One thing is done at a time. What nobody registered is never touched.
 *
 * A change is durable before the kernel is edited (the journal) and carried out after any crash. The registry holds
 * what is declared; a server's health changes the kernel and never the registry.
 */
export class Keeper {
  readonly #turns = new Turns();
  readonly #watch: Watch;
  readonly #lost: Set<string>;
  readonly #drains: Drains;
  /** What was last wanted of each virtual server whose drift is only reported. */
  readonly #reported = new Map<string, Service>();
  #registry: Registry = EMPTY_REGISTRY;
  /** The registry's text, as its digest is reckoned. */
  #text = "";
  /** The table as it was left; another one has been changed by somebody else. */
  #left: string | undefined;
  #repairs = 0;
  #reconciledAt = 0;
  #trouble: string | undefined;
  #recording: NodeJS.Timeout | undefined;
  #heeding = false;

  private constructor(
    private readonly parts: KeeperParts,
    { down, lost, drains }: HealthRecord,
  ) {
    this.#lost = new Set(lost);
    this.#drains = new Drains(drains);
    this.#watch = new Watch(parts.dial, down, (key, health) => this.#heed(key, health));
  }

  /**
   * Takes up what an earlier agent left: ends the change that it had begun, and goes on from the health that it knew.
   *
   * @throws RegistryError, KernelError; nothing has been touched then
   */
  static async start(parts: KeeperParts): Promise<Keeper> {
    const { registry, journal, health } = await parts.store.load();
    const keeper = new Keeper(parts, health ?? { down: {}, lost: [], drains: [] });
    keeper.#adopt(read(registry), registry);
    if (!health) await keeper.#believeKernel();
    keeper.#follow();
    if (journal) await keeper.#resume(journal);
    await keeper.reconcile();
    return keeper;
  }

  /** What the director holds; parts that the asker knows by their digests are left out. */
  state(known: Digests): Promise<StateAnswer> {
    return this.#turns.take(async () => this.#answer(await this.parts.kernel.read(), known));
  }

  /** Makes a change where the director holds what it was computed from. Servers that it lets in have passed their gate. */
  change(order: ChangeOrder): Promise<ChangeAnswer> {
    return this.#turns.take(async () => {
      const text = await this.parts.kernel.read();
      const state = this.#answer(text, order.expect);
      const { registry, table } = state.digests;
      if (registry !== order.expect.registry || table !== order.expect.table)
        return { outcome: "changed", state, messages: "" };
      const after = joinLines(mergeDelta(registryLines(this.#registry), order.registry).values());
      const journal = { order, after };
      read(after);
      await this.parts.store.begin(journal);
      const messages = await this.#carryOut(journal, text);
      const answer = this.#answer(await this.parts.kernel.read(), order.predict);
      return { outcome: "applied", state: answer, messages };
    });
  }

  /** Makes the kernel hold what it is to hold. */
  reconcile(): Promise<void> {
    return this.#turns.take(() => this.#reconcile());
  }

  /**
   * Drains servers, or ends the drains that were asked for here. What they are declared as stays.
   *
   * @param service key of a virtual server; undefined: all that have the server
   * @returns the virtual servers that it concerns
   */
  drain(server: string, service: string | undefined, wanted: "start" | "end"): Promise<string[]> {
    return this.#turns.take(async () => {
      const having = [...registrations(this.#registry)].filter(
        ([key, { members }]) =>
          (service === undefined || key === service) && members.some((one) => realServerKey(one) === server),
      );
      const concerned = having.map(([key]) => ({ service: key, server }));
      if (wanted === "start") this.#drains.start(concerned, Date.now());
      else this.#drains.end(concerned);
      await this.#record();
      this.#left = undefined;
      await this.#reconcile();
      this.parts.log.info(
        { event: "drain", server, wanted, services: having.map(([key]) => key) },
        `drain: ${wanted}`,
      );
      return having.map(([key]) => key);
    });
  }

  /** What is being kept, for people. */
  get view() {
    return {
      registry: this.#registry,
      watch: this.#watch,
      lost: this.#lost as ReadonlySet<string>,
      drains: this.#drains as Pick<Drains, "all" | "isAsked">,
      repairs: this.#repairs,
      reconciledAt: this.#reconciledAt,
      trouble: this.#trouble,
    };
  }

  /** Stops checking, and writes down what is known. The kernel goes on as it is. */
  async stop(): Promise<void> {
    clearTimeout(this.#recording);
    // Before the watch ends: it forgets what it watched.
    await this.#turns.take(() => this.#record());
    await this.#watch.stop();
  }

  #adopt(registry: Registry, text: string): void {
    this.#registry = registry;
    this.#text = text;
  }

  async #resume(journal: Journal): Promise<void> {
    this.parts.log.warn(
      { event: "resume", scope: journal.order.scope },
      "a change that was cut short is carried out",
    );
    await this.#carryOut(journal, await this.parts.kernel.read());
  }

  async #carryOut({ order, after }: Journal, text: TableText): Promise<string> {
    const [before, next] = [this.#registry, read(after)];
    // From here on servers that were let in are checked, and count as healthy until they fail.
    this.#adopt(next, after);
    this.#follow();
    const scope = new Set(order.scope);
    const desired = order.scope.flatMap((key) => this.#ordered(key, order.desired, before, text.table));
    const edits = plan(knownTable({ ...EMPTY_STATE, ...text, registry: before }, scope), desired, scope);
    let messages = await this.parts.kernel.write(edits);
    if (messages !== "") {
      // What is still there of what was to go stays owned: the registry of before and after together.
      const during = renderRegistry(duringRegistry(before, next));
      this.#adopt(read(during), during);
    }
    await this.parts.store.commit(this.#text);
    const unplaced = await this.parts.place();
    if (unplaced !== "") messages = `${messages}\n${unplaced}`.trim();
    this.#log("change", edits);
    this.#left = undefined;
    this.#recordSoon();
    return messages;
  }

  /** A virtual server as a change wants it, with what its servers' health makes of it. */
  #ordered(key: string, desired: Table, before: Registry, table: Table): Service[] {
    const declared = findService(desired, key);
    const registration = findRegistration(this.#registry, key)?.registration;
    if (!declared || !registration) return declared ? [declared] : [];
    const owned = registeredMembers(before, key);
    const { service } = this.#want(key, registration, findService(table, key), owned);
    // What a change gives back to nobody is among what is declared, and no member.
    const known = new Set([...service.destinations, ...registration.members].map(place));
    const given = declared.destinations.filter((one) => !known.has(place(one)));
    return [{ ...service, destinations: [...service.destinations, ...given] }];
  }

  #want(
    key: string,
    registration: Registration,
    found: Service | undefined,
    before: readonly { address: string; port: number }[] = [],
  ): Wanted {
    const isHealthy = (member: Registration["members"][number]) =>
      this.#watch.isHealthy(registration, member);
    const isDrained = (member: Registration["members"][number]) =>
      this.#drains.isAsked(key, realServerKey(member));
    const members = before as Registration["members"];
    const wasUp = !this.#lost.has(key);
    const wanted = wantedService(registration, found, members, { isHealthy, isDrained, wasUp });
    if (wanted.up === this.#lost.has(key)) {
      if (wanted.up) this.#lost.delete(key);
      else this.#lost.add(key);
      this.parts.log.warn(
        { event: "quorum", service: key, up: wanted.up },
        wanted.up ? "quorum" : "no quorum",
      );
      this.#recordSoon();
    }
    return wanted;
  }

  /** From what is registered follows what is checked, and what drains. */
  #follow(): void {
    this.#watch.follow(this.#registry);
    this.#drains.follow(registrations(this.#registry), Date.now());
  }

  /** Ends the drains of changes that whoever made them has not ended: he was killed. */
  async #endDrains(): Promise<void> {
    if (!this.#drains.all.some(({ by }) => by === "change")) return;
    const all = registrations(this.#registry);
    const due = this.#drains.due(all, await this.parts.kernel.counts(), Date.now());
    if (due.length === 0) return;
    const gone = new Map<string, Set<string>>();
    for (const { service, server } of due) gone.set(service, (gone.get(service) ?? new Set()).add(server));
    const owners = Object.entries(this.#registry.owners).map(([id, owner]) => {
      const services = Object.entries(owner.virtualServers).map(
        ([key, one]) => [key, without(one, gone.get(key) ?? new Set())] as const,
      );
      return [id, { ...owner, virtualServers: Object.fromEntries(services) }] as const;
    });
    const after = renderRegistry({ owners: Object.fromEntries(owners) });
    const scope = [...gone.keys()];
    const desired = [...registrations(read(after))]
      .filter(([key]) => gone.has(key))
      .map(([, registration]) => desiredService(registration, undefined));
    const digests = { registry: sha256(this.#text), table: "-" };
    const journal: Journal = {
      order: { expect: digests, predict: digests, registry: [], scope, desired },
      after,
    };
    await this.parts.store.begin(journal);
    await this.#carryOut(journal, await this.parts.kernel.read());
    this.parts.log.info({ event: "drained", servers: due.map(({ server }) => server) }, "drains are over");
  }

  async #reconcile(): Promise<void> {
    try {
      await this.#endDrains();
      const text = await this.parts.kernel.read();
      const now = joinLines(text.lines);
      if (now === this.#left) return;
      const isDrift = this.#left !== undefined;
      const edits = this.#due(text);
      const messages = await this.parts.kernel.write(edits);
      if (edits.length > 0) {
        if (isDrift) this.#repairs += edits.length;
        this.#log(isDrift ? "repair" : "settle", edits, messages);
      }
      this.#left = edits.length === 0 ? now : joinLines((await this.parts.kernel.read()).lines);
      this.#reconciledAt = Date.now();
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = error instanceof Error ? error.message : String(error);
      this.parts.log.error({ event: "reconcile", error: this.#trouble }, "the table could not be kept");
      this.#left = undefined;
    }
  }

  /** The edits that make the table what is wanted. Of what somebody else has changed, only where that is to be taken back. */
  #due(text: TableText): Edit[] {
    const [repaired, reported]: [Service[], Edit[]] = [[], []];
    for (const [key, registration] of registrations(this.#registry)) {
      const { service } = this.#want(key, registration, findService(text.table, key));
      const last = this.#reported.get(key);
      if (registration.driftPolicy !== "report" || last === undefined) repaired.push(service);
      else reported.push(...plan([last], [service], new Set([key])));
      if (registration.driftPolicy === "report") this.#reported.set(key, service);
      else this.#reported.delete(key);
    }
    const scope = new Set(repaired.map(serviceKey));
    const known = knownTable({ ...EMPTY_STATE, ...text, registry: this.#registry }, scope);
    return [...plan(known, repaired, scope), ...reported];
  }

  #answer(text: TableText, known: Digests): StateAnswer {
    const nominal = this.#nominal(text);
    const digests = { registry: sha256(this.#text), table: tableDigest(nominal.lines) };
    return {
      protocol: AGENT_PROTOCOL,
      ...this.parts.host,
      digests,
      ...(digests.registry !== known.registry && { registry: this.#text }),
      ...(digests.table !== known.table && { table: nominal.lines }),
    };
  }

  #nominal(text: TableText): TableText {
    const differing: Service[] = [];
    const all = registrations(this.#registry);
    for (const found of text.table) {
      const key = serviceKey(found);
      const registration = all.get(key);
      if (!registration) continue;
      const nominal = nominalService(found, registration, this.#want(key, registration, found));
      if (nominal !== found) differing.push(nominal);
    }
    return withServices(text, differing, new Set(differing.map(serviceKey)));
  }

  /** A server went down or came back. */
  #heed(key: string, health: ServerHealth): void {
    const { healthy, answer } = health;
    this.parts.log.warn(
      { event: healthy ? "up" : "down", probe: key, answer },
      healthy ? "server is up" : "server is down",
    );
    this.#left = undefined;
    this.#recordSoon();
    if (this.#heeding) return;
    this.#heeding = true;
    void this.#turns.take(() => {
      this.#heeding = false;
      return this.#reconcile();
    });
  }

  #recordSoon(): void {
    this.#recording ??= setTimeout(() => {
      this.#recording = undefined;
      void this.#turns.take(() => this.#record());
    }, RECORD_DELAY_MS).unref();
  }

  async #record(): Promise<void> {
    const drains = this.#drains.all;
    const record = { down: this.#watch.down(this.#registry), lost: [...this.#lost], drains };
    await this.parts.store.saveHealth(record).catch((error: Error) => {
      this.parts.log.error({ event: "record", error: error.message }, "health could not be written down");
    });
  }

  /** Nothing is known of any server: whoever takes connections in the kernel is taken for healthy, and nobody else. */
  async #believeKernel(): Promise<void> {
    const { table } = await this.parts.kernel.read();
    this.#watch.believe(this.#registry, table);
  }

  #log(event: string, edits: readonly Edit[], messages = ""): void {
    if (edits.length === 0 && messages === "") return;
    const shown = edits.slice(0, EDITS_SHOWN).map(describeEdit);
    this.parts.log.info(
      { event, edits: edits.length, shown, ...(messages && { messages }) },
      `${event}: ${edits.length} edits`,
    );
  }
}

/** Transitions that come together are written down together. */
const RECORD_DELAY_MS = 200;
const EDITS_SHOWN = 20;
const EMPTY_STATE = { kernel: "", canonical: true, digests: { registry: "", table: "" } };

function read(text: string): Registry {
  const registry = parseRegistry(text);
  if (!registry) throw new RegistryError(text.slice(0, 60));
  return registry;
}

function place({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address} ${port}`;
}
