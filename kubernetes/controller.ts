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
import { SPACING_MS } from "./gathering";
import { Leader } from "./leader";
import { Mirrors } from "./mirrors";
import { ObjectWrites } from "./object-writes";
import { readOwner } from "./owner";
import { Population } from "./population";
import { Secrets } from "./secrets";
import { Member } from "./share";
import type { Subject } from "./subject";
import { refusalOf, Writer } from "./writer";

/** How a controller is run. */
export interface ControllerOptions {
  readonly api: Api;
  readonly log: Logger;
  /** The only namespace that is looked at; undefined: all. */
  readonly namespace?: string | undefined;
  /** Where the Leases are. */
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
 * ready. Several replicas share that, Service by Service ({@link Member}). Each begins with the readiness that the objects
 * hold, and when it ends, or loses the API server, they hold what was last written. One of them leads, and tells directors.
 */
export class Controller {
  readonly #options: ControllerOptions;
  readonly counts = new Counts();
  readonly collections: Collections;
  readonly leader: Leader;
  readonly member: Member;
  readonly events: Events;
  readonly balancer: Balancer;
  readonly checks: Checks;
  readonly #writer: Writer;
  readonly #secrets: Secrets;
  readonly #population: Population;
  readonly #mirrors: Mirrors;
  #gathering: NodeJS.Timeout | undefined;
  #isEnding = false;

  constructor(options: ControllerOptions) {
    const { api, log, namespace, leaseNamespace, identity, directors } = options;
    this.#options = options;
    const onChange = () => this.#gather();
    const onService = () => this.balancer.follow();
    this.collections = new Collections({ api, log, namespace, onChange, onService, counts: this.counts });
    this.#secrets = new Secrets(api);
    this.#population = new Population({
      subjects: () => this.#ownSubjects(),
      service: this.collections.service,
      declaredFor: (name) => this.#mirrors.declaredFor(name),
      secrets: this.#secrets,
    });
    this.#mirrors = new Mirrors({
      declared: this.collections.declared,
      subject: (name) => this.collections.subject(name),
      read: (owner) => readOwner(api, owner),
    });
    this.events = new Events(api, log);
    this.checks = this.#checks(directDial());
    this.#writer = this.#writerOf();
    this.balancer = new Balancer({
      ...{ api, log, namespace, directors, counts: this.counts, events: this.events },
      services: this.collections.services,
      poolNamespace: leaseNamespace,
      leader: () => this.leader,
    });
    this.leader = new Leader({ ...{ api, log, identity }, namespace: leaseNamespace, name: CONTROLLER });
    const written = () => this.#writer.written();
    this.member = new Member({ ...{ api, log, identity, written, onChange }, namespace: leaseNamespace });
  }

  /** Objects that wait for a write. */
  get pending(): number {
    return this.#writer.pending;
  }

  /** What this replica looks after, as of now. */
  get followed(): Population["followed"] {
    return this.#population.followed;
  }

  /** How many objects there are to be looked after, by whichever replica. */
  get known(): number {
    return [...this.collections.subjects()].filter(([, subject]) => this.#population.hasService(subject))
      .length;
  }

  /** Whether everything has been read once. */
  get isSynced(): boolean {
    return this.collections.isSynced && this.balancer.isSynced;
  }

  /** Runs until the signal fires. What it has written stays. */
  async run(signal: AbortSignal): Promise<void> {
    const sharing = new AbortController();
    // As long as anything is written: who is told that a write came too late needs what came before it.
    const watching = this.collections.run(sharing.signal);
    const background = [
      this.events.run(signal),
      this.balancer.run(signal),
      this.#resync(signal),
      this.#readSecrets(signal),
    ];
    const shared = this.collections.synced().then(async () => {
      if (signal.aborted) return;
      await Promise.all([this.leader.run(sharing.signal), this.member.run(sharing.signal)]);
    });
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    // No write is to come after the Leases have been let go.
    await Promise.all([this.#end(), this.balancer.end()]);
    sharing.abort();
    await Promise.all([watching, shared, ...background]);
  }

  #gather(): void {
    if (this.#isEnding) return;
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      this.#follow();
    }, GATHER_MS);
  }

  /** Works out anew what is this replica's, and what has to be done about it. What it no longer has it forgets. */
  #follow(): void {
    const derived = [...this.collections.subjects()].filter(([, { about }]) => about !== undefined);
    const unlike = this.#mirrors.renew(derived.map(([name]) => name));
    const { changed, gone } = this.#population.renew();
    this.checks.follow(this.#population.followed);
    for (const name of gone) this.#writer.forget(name);
    for (const name of [...changed, ...unlike]) if (this.#isOwn(name)) this.#writer.mark(name);
  }

  #ownSubjects(): (readonly [string, Subject])[] {
    return [...this.collections.subjects()].filter(([name]) => this.#isOwn(name));
  }

  /** All objects of a Service are one replica's, so that a server which several of them name is asked by one. */
  #isOwn(name: string): boolean {
    const place = this.#mirrors.declaredFor(name) ?? this.collections.subject(name);
    return place?.service !== undefined && this.member.owns(`${place.namespace}/${place.service}`);
  }

  #checks(dial: Dial): Checks {
    return new Checks(dial, (names, probe, health) => {
      const { address, port } = probe?.target ?? {};
      const about = { event: "health", healthy: health.healthy, check: probe?.check.type, address, port };
      this.#options.log.info(
        { ...about, answer: health.answer },
        health.healthy ? "a server is back" : "a server is down",
      );
      for (const name of names) this.#writer.mark(name);
    });
  }

  #writerOf(): Writer {
    const { counts, events, collections } = this;
    const { api, log } = this.#options;
    return new Writer({
      write: new ObjectWrites({
        ...{ api, log, counts, events, collections, population: this.#population, mirrors: this.#mirrors },
        verdict: this.checks.verdict,
        mayWrite: (name) => this.member.mayWrite && this.#isOwn(name),
      }).make,
      mayWrite: () => this.member.mayWrite,
      spacingMs: SPACING_MS,
      onTrouble: (name, error, againMs) => {
        const refusal = refusalOf(error);
        counts.refused(refusal.status ?? 0);
        const about = { event: "refused", object: name, againMs: Math.round(againMs), ...refusal };
        // Somebody else has changed it meanwhile: that is how it is meant to be.
        if (refusal.status === 409) log.debug(about, "a write came too late");
        else log.warn(about, "a write was refused");
      },
    });
  }

  /** Stops checking and writing: other replicas do. */
  async #end(): Promise<void> {
    this.#isEnding = true;
    clearTimeout(this.#gathering);
    await this.#writer.stop();
    await this.checks.stop();
  }

  async #resync(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(RESYNC_MS, signal);
      this.#gather();
      for (const name of this.#population.followed.keys()) this.#writer.mark(name);
    }
  }

  async #readSecrets(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if ((await this.#secrets.refresh(signal)).size > 0) this.#gather();
      await pause(1_000, signal);
    }
  }
}
