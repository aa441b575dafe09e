import type { Logger } from "pino";
import { LOAD_BALANCER_CLASS } from "../../spec/kubernetes";
import type { Api } from "../api";
import { pause } from "../backoff";
import type { Counts } from "../counts";
import type { Events } from "../events";
import type { Leader } from "../leader";
import { FIELD_MANAGER } from "../names";
import type { Note } from "../plan";
import type { Reflector } from "../reflector";
import { refusalOf, Writer } from "../writer";
import { addressOfId } from "./claims";
import { BalancerCollections } from "./collections";
import type { DirectorClient } from "./director-client";
import { DirectorLoop } from "./director-loop";
import { Insistence } from "./insistence";
import { plansOf, type ServicePlan, serviceWrite } from "./plan";
import { remembering } from "./remembering";
import type { BalancedService, KeptService } from "./service";

/** How a {@link Balancer} is run. */
export interface BalancerOptions {
  readonly api: Api;
  readonly log: Logger;
  /** All Services; somebody else follows them, and calls {@link Balancer.follow} after each change. */
  readonly services: Reflector<KeptService>;
  /** The only namespace whose slices are looked at; undefined: all. */
  readonly namespace: string | undefined;
  /** Where pools are: where the Lease is. */
  readonly poolNamespace: string;
  /** None: Services of our class are told that nobody serves them. */
  readonly directors: readonly DirectorClient[];
  readonly counts: Counts;
  readonly events: Events;
  readonly leader: () => Leader;
}

/** How long changes are gathered before everything is worked out again, in ms. */
const GATHER_MS = 50;
/** How much of what was said of a Service is remembered: more than can be wrong with it at once. */
const SAID = 2_000;
/** How often everything is looked at without a cause, in ms. */
const RESYNC_MS = 5_000;

/**
 * Makes virtual servers on directors of Services of type LoadBalancer with our class. What is wanted follows from objects
 * (`plan.ts`); each director has a loop of its own, which makes it so there.
 */
export class Balancer {
  readonly #options: BalancerOptions;
  readonly #collections: BalancerCollections;
  readonly #directors: readonly DirectorLoop[];
  readonly #writer: Writer;
  readonly #read = remembering();
  /** What was last said of a Service, by uid: it is not said again. */
  readonly #said = new Map<string, Set<string>>();
  readonly #insistence = new Insistence();
  #plans: ReadonlyMap<string, ServicePlan> = new Map();
  #gathering: NodeJS.Timeout | undefined;
  #isEnding = false;

  constructor(options: BalancerOptions) {
    this.#options = options;
    const { log, directors, counts, leader } = options;
    const onChange = () => this.follow();
    const hasDirectors = directors.length > 0;
    this.#collections = new BalancerCollections({ ...options, hasDirectors, onChange });
    this.#directors = directors.map(
      (client) =>
        new DirectorLoop({
          ...{ client, log, onChange },
          plans: () => this.#plans,
          mayWrite: () => leader().mayWrite && this.isSynced,
          onRefused: (service, words) => this.#complain(service, words),
        }),
    );
    this.#writer = new Writer({
      write: (name) => this.#write(name),
      mayWrite: () => leader().mayWrite,
      // A Service is written twice, one after the other: claims, and then its address.
      spacingMs: 0,
      onTrouble: (name, error, againMs) => {
        const refusal = refusalOf(error);
        counts.refused(refusal.status ?? 0);
        const about = {
          event: "refused",
          object: `Service ${name}`,
          againMs: Math.round(againMs),
          ...refusal,
        };
        if (refusal.status === 409) log.debug(about, "a write came too late");
        else log.warn(about, "a write was refused");
      },
    });
  }

  /** Whether everything has been read once. */
  get isSynced(): boolean {
    return this.#collections.isSynced;
  }

  /** How often a collection has been listed, Services apart. */
  get lists(): number {
    return this.#collections.lists;
  }

  /** Directors by name, and whether each has answered when it was last asked. */
  get directors(): readonly { readonly name: string; readonly isThere: boolean }[] {
    return this.#directors;
  }

  /** Services that directors serve, or still have something of. */
  get size(): number {
    return this.#collections.services.length;
  }

  /** Works until the signal fires. What directors have stays. */
  async run(signal: AbortSignal): Promise<void> {
    const background = [this.#collections.run(signal), this.#resync(signal)];
    await Promise.all([...background, ...this.#directors.map((one) => one.run(signal))]);
  }

  /** Ends writing: after that the Lease may be let go. */
  async end(): Promise<void> {
    this.#isEnding = true;
    clearTimeout(this.#gathering);
    await this.#writer.stop();
    for (const client of this.#options.directors) client.close();
  }

  /** Works everything out again, soon. */
  follow(): void {
    if (this.#isEnding) return;
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.#follow();
    }, GATHER_MS);
  }

  #follow(): void {
    if (!this.isSynced) return;
    if (!this.#options.leader().leads) {
      this.#plans = new Map();
      return;
    }
    const { services, slices, nodes, pools } = this.#collections;
    const there = new Set(services.map(({ uid }) => uid));
    for (const uid of this.#said.keys()) if (!there.has(uid)) this.#said.delete(uid);
    this.#insistence.keep(there);
    if (this.#directors.length === 0) {
      this.#refuse(services);
      return;
    }
    const directors = new Map(this.#directors.map((one) => [one.name, one.held] as const));
    const used = new Set(this.#directors.flatMap(({ ids }) => ids).flatMap((id) => addressOfId(id) ?? []));
    const mayGive = this.#directors.every(({ wasAsked }) => wasAsked);
    const before = new Map([...this.#plans.values()].map((plan) => [plan.service.uid, plan.addresses]));
    this.#plans = plansOf(
      { services, slices, nodes, pools, directors, used, mayGive, before },
      this.#read.read,
    );
    this.#read.forget();
    for (const [name, plan] of this.#plans) if (serviceWrite(plan) !== undefined) this.#writer.mark(name);
    for (const director of this.#directors) director.follow();
  }

  /** There are no directors: nothing is written, and whoever looks at the Service is told. */
  #refuse(services: readonly BalancedService[]): void {
    for (const service of services) {
      const message = `no director serves Services of the class ${LOAD_BALANCER_CLASS}: the controller has no --director`;
      this.#tell(service, { type: "Warning", reason: "NoDirectors", message });
    }
  }

  async #write(name: string): Promise<boolean> {
    const plan = this.#plans.get(name);
    const write = plan && serviceWrite(plan);
    if (!plan || !write) return false;
    const { namespace, name: service, uid } = plan.service;
    const isStatus = write.subresource === "status";
    const text = plan.addresses.join();
    // It is looked at again soon enough.
    if (isStatus && !this.#insistence.allows(uid, text, performance.now())) return false;
    const object = `/api/v1/namespaces/${encodeURIComponent(namespace)}/services/${encodeURIComponent(service)}`;
    const path = isStatus ? `${object}/status` : object;
    const query = { fieldManager: FIELD_MANAGER };
    // Before the claims are known to be written, so that nothing is declared without that.
    if (!isStatus) this.#claim(plan);
    const written = await this.#options.api.request({ method: "PATCH", path, query, body: write.patch });
    this.#collections.put(name, written);
    this.#options.counts.writes++;
    const about = { event: "write", object: `Service ${name}`, addresses: plan.addresses };
    this.#options.log.info(about, isStatus ? "a Service has its addresses" : "a Service was marked");
    if (isStatus && this.#insistence.wrote(uid, text, performance.now()))
      this.#complain(
        name,
        "somebody else takes its addresses out of its status again and again",
        "a Service does not keep its status",
      );
    if (isStatus && plan.service.isServed)
      this.#tell(plan.service, {
        type: "Normal",
        reason: "AddressGiven",
        message: `it is served at ${plan.addresses.join(", ")}`,
      });
    for (const message of plan.problems)
      this.#tell(plan.service, { type: "Warning", reason: "LoadBalancerProblem", message });
    return true;
  }

  #claim({ claims, service }: ServicePlan): void {
    for (const id of Object.keys({ ...service.claims, ...claims }))
      for (const director of this.#directors) {
        const before = service.claims[id]?.includes(director.name) === true;
        const after = claims[id]?.includes(director.name) === true;
        if (before !== after) director.claim(id, after);
      }
  }

  #complain(name: string, words: string, what = "a director does not take something"): void {
    this.#options.log.warn({ event: "balance", service: name, error: words }, what);
    const service = this.#plans.get(name)?.service;
    if (service) this.#tell(service, { type: "Warning", reason: "LoadBalancerProblem", message: words });
  }

  #tell({ namespace, name, uid }: BalancedService, note: Note): void {
    const said = this.#said.get(uid) ?? new Set();
    this.#said.set(uid, said);
    const isKnown = said.delete(note.message);
    said.add(note.message);
    for (const oldest of said) if (said.size > SAID) said.delete(oldest);
    if (isKnown) return;
    const about = { apiVersion: "v1", kind: "Service", name, uid };
    this.#options.events.tell({ namespace, name, about }, note);
  }

  async #resync(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.follow();
      await pause(RESYNC_MS, signal);
    }
  }
}
