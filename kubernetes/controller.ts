import type { Logger } from "pino";
import { type Dial, directDial } from "../health";
import { CONTROLLER } from "../spec/kubernetes";
import type { Api } from "./api";
import { pause } from "./backoff";
import { Balancer, type DirectorClient } from "./balancer";
import { Checks } from "./checks";
import { Collections } from "./collections";
import { Counts } from "./counts";
import { Events } from "./events";
import { Leader } from "./leader";
import type { MirrorStep } from "./mirror";
import { Mirrors } from "./mirrors";
import { FIELD_MANAGER } from "./names";
import { readOwner } from "./owner";
import { type Plan, planOf } from "./plan";
import { Population } from "./population";
import { Secrets } from "./secrets";
import { nameOf, type Subject } from "./subject";
import { refusalOf, Writer } from "./writer";

/** How a controller is run. */
export interface ControllerOptions {
  readonly api: Api;
  readonly log: Logger;
  /** The only namespace that is looked at; undefined: all. */
  readonly namespace?: string | undefined;
  /** Where the Lease is. */
  readonly leaseNamespace: string;
  /** Unlike that of any other replica, and of an earlier life of this one. */
  readonly identity: string;
  /** Directors that serve Services of our class; none: nobody does. */
  readonly directors: readonly DirectorClient[];
}

/** How long changes are gathered before what is checked is worked out again, in ms. */
const GATHER_MS = 20;
/** How often everything is looked at without a cause, in ms: whatever was missed is mended by then. */
const RESYNC_MS = 10_000;

/**
 * Checks the servers that annotated Endpoints and EndpointSlices name, and writes into these objects which of them are
 * ready. One replica of several does so. It begins with the readiness that the objects hold, and when it ends, or loses the
 * API server, they hold what was last written.
 */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #dial: Dial = directDial();
  readonly counts = new Counts();
  readonly collections: Collections;
  readonly leader: Leader;
  readonly events: Events;
  readonly balancer: Balancer;
  readonly #secrets: Secrets;
  readonly #population: Population;
  readonly #mirrors: Mirrors;
  #work: { readonly checks: Checks; readonly writer: Writer } | undefined;
  #gathering: NodeJS.Timeout | undefined;

  constructor(options: ControllerOptions) {
    const { api, log, namespace, leaseNamespace, identity, directors } = options;
    this.#options = options;
    const onChange = () => this.#gather();
    this.collections = new Collections({ api, log, namespace, onChange, counts: this.counts });
    this.#secrets = new Secrets(api);
    const { subjects, service } = this.collections;
    this.#population = new Population({ subjects, service, secrets: this.#secrets });
    this.#mirrors = new Mirrors({
      declared: this.collections.declared,
      subject: (name) => this.collections.subject(name),
      read: (owner) => readOwner(api, owner),
    });
    this.events = new Events(api, log);
    this.balancer = new Balancer({
      ...{ api, log, namespace, directors, counts: this.counts, events: this.events },
      poolNamespace: leaseNamespace,
      leader: () => this.leader,
    });
    this.leader = new Leader({
      api,
      namespace: leaseNamespace,
      name: CONTROLLER,
      identity,
      log,
      onGain: () => this.#gather(),
      onLoss: () => void this.#end(),
    });
  }

  /** The checks that are being made; undefined: another replica makes them. */
  get checks(): Checks | undefined {
    return this.#work?.checks;
  }

  /** Objects that wait for a write. */
  get pending(): number {
    return this.#work?.writer.pending ?? 0;
  }

  /** What is looked after, as of now. */
  get followed(): Population["followed"] {
    return this.#population.followed;
  }

  /** Whether everything has been read once. */
  get isSynced(): boolean {
    return this.collections.isSynced && this.balancer.isSynced;
  }

  /** Runs until the signal fires. What it has written stays. */
  async run(signal: AbortSignal): Promise<void> {
    const leading = new AbortController();
    const watching = this.collections.run(signal);
    const background = [
      this.events.run(signal),
      this.balancer.run(signal),
      this.#resync(signal),
      this.#readSecrets(signal),
    ];
    const led = this.collections
      .synced()
      .then(() => (signal.aborted ? undefined : this.leader.run(leading.signal)));
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    // No write is to come after the Lease has been let go.
    await Promise.all([this.#end(), this.balancer.end()]);
    leading.abort();
    await Promise.all([watching, led, ...background]);
  }

  #gather(): void {
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.#follow();
    }, GATHER_MS);
  }

  #follow(): void {
    if (!this.leader.leads) return;
    this.#work ??= this.#begin();
    const { checks, writer } = this.#work;
    const { changed, gone } = this.#population.renew();
    checks.follow(this.#population.followed);
    for (const name of gone) writer.forget(name);
    const derived = [...this.collections.subjects()].filter(([, { about }]) => about !== undefined);
    const unlike = this.#mirrors.renew(derived.map(([name]) => name));
    for (const name of [...changed, ...unlike]) writer.mark(name);
  }

  #begin() {
    const { log } = this.#options;
    const checks = new Checks(this.#dial, (names, probe, health) => {
      const { address, port } = probe?.target ?? {};
      const about = { event: "health", healthy: health.healthy, check: probe?.check.type, address, port };
      log.info({ ...about, answer: health.answer }, health.healthy ? "a server is back" : "a server is down");
      for (const name of names) writer.mark(name);
    });
    const writer = new Writer({
      write: (name) => this.#write(name, checks),
      mayWrite: () => this.leader.mayWrite,
      onTrouble: (name, error, againMs) => {
        const refusal = refusalOf(error);
        this.counts.refused(refusal.status ?? 0);
        const about = { event: "refused", object: name, againMs: Math.round(againMs), ...refusal };
        // Somebody else has changed it meanwhile: that is how it is meant to be.
        if (refusal.status === 409) log.debug(about, "a write came too late");
        else log.warn(about, "a write was refused");
      },
    });
    return { checks, writer };
  }

  /** Stops checking: another replica does, or this one ends. Begun anew, everything starts from what the objects hold. */
  async #end(): Promise<void> {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    const work = this.#work;
    this.#work = undefined;
    await work?.writer.stop();
    await work?.checks.stop();
  }

  async #write(name: string, checks: Checks): Promise<boolean> {
    const step = await this.#mirrors.step(name);
    // The declaration may have been long in coming. Who leads then looks at everything again.
    if (step && !this.leader.mayWrite) return true;
    const subject = this.collections.subject(name);
    if (step) return this.#mirror(name, subject, step);
    const wanted = subject && this.#population.wantedOf(subject);
    if (!subject || !wanted) return false;
    const plan = planOf(subject, wanted, checks.verdict);
    if (plan === undefined) return false;
    const query = { fieldManager: FIELD_MANAGER };
    const path = pathOf(subject);
    const written = await this.#options.api.request({ method: "PATCH", path, query, body: plan.patch });
    this.collections.put(subject, written);
    this.#tell(name, subject, plan);
    return true;
  }

  /** What is to be read of the slice afterwards comes with the watch, and makes the next step. */
  async #mirror(name: string, subject: Subject | undefined, step: MirrorStep): Promise<boolean> {
    const { api, log } = this.#options;
    const [namespace = "", slice = ""] = name.slice("EndpointSlice ".length).split("/");
    const collection = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    const path = `${collection}/${slice}`;
    const query = { fieldManager: FIELD_MANAGER };
    if (step.kind === "create")
      await api.request({ method: "POST", path: collection, query, body: step.body });
    else if (step.kind === "delete")
      await api.request({ method: "DELETE", path, body: { preconditions: step.preconditions } });
    else {
      const written = await api.request({ method: "PATCH", path, query, body: step.patch });
      if (subject) this.collections.put(subject, written);
    }
    this.counts.writes++;
    log.info({ event: "mirror", object: name, step: step.kind }, "a slice follows its declaration");
    return true;
  }

  #tell(name: string, subject: Subject, { notes, down, up }: Plan): void {
    this.counts.written(down.length, up.length);
    this.#options.log.info({ event: "write", object: name, down, up }, "readiness was written");
    for (const note of notes) this.events.tell(subject, note);
  }

  async #resync(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(RESYNC_MS, signal);
      if (!this.leader.leads) continue;
      this.#gather();
      for (const name of this.#population.followed.keys()) this.#work?.writer.mark(name);
    }
  }

  async #readSecrets(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.leader.leads && (await this.#secrets.refresh(signal)).size > 0) this.#gather();
      await pause(1_000, signal);
    }
  }
}

function pathOf(subject: Subject): string {
  const group = subject.kind === "Endpoints" ? "/api/v1" : "/apis/discovery.k8s.io/v1";
  const resource = subject.kind === "Endpoints" ? "endpoints" : "endpointslices";
  const [namespace, name] = nameOf(subject).split("/").map(encodeURIComponent);
  return `${group}/namespaces/${namespace}/${resource}/${name}`;
}
