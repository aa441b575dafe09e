import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { AgentConfig, PlaneAnswer } from "../../director/data";
import type { Declaring } from "../declaring";
import { endsWithin } from "../ends-within";
import type { Keeper } from "../keeper";
import type { Log } from "../log";
import { registrations } from "../probes";
import { Shared as Recent } from "../shared";
import { EtcdClient } from "./etcd-client";
import { EtcdPlane } from "./etcd-plane";
import { Keys } from "./log-format";
import { Member } from "./member";
import type { Watching } from "./plane";
import { Presence, type Word } from "./presence";
import { AppliedRecord } from "./record";

/** What a director needs to take part. */
export interface ParticipantParts {
  readonly config: AgentConfig & { readonly etcd: NonNullable<AgentConfig["etcd"]> };
  /** Where what must outlive the agent is kept: /var/lib/heye. */
  readonly state: string;
  readonly version: string;
  readonly keeper: Keeper;
  readonly log: Log;
  /** How often is looked without a hint, in milliseconds. Default 5000. */
  readonly lookMs?: number | undefined;
}

/** Watches fail unseen, so what is shared is also looked at so often: one small read of etcd's. */
const LOOK_MS = 5_000;
/** How long is waited for what the others say, in milliseconds. What is told of it may be as old as the last look. */
const HEAR_MS = 1_000;
/** Troubles that are told of one director, and characters of each: thousands of entries may be in its way. */
const TROUBLES_MAX = 10;
const TROUBLE_LENGTH = 300;
/** Directors do not look at the same time: the shortest time between two looks is this part of the mean. */
const SHORTEST_LOOK = 0.8;
/** At most so often, however many hints come. */
const PAUSE_MS = 50;

/**
 * A director's part in a plane: follows it when a watch hints at something and every few seconds, tells the others of itself,
 * and knows what they say.
 */
export class Participant {
  readonly member: Member;
  readonly #client: EtcdClient;
  readonly #plane: EtcdPlane;
  readonly #presence: Presence;
  readonly #instance = randomUUID();
  readonly #ending = new AbortController();
  #hint = new AbortController();
  #watching: Watching | undefined;
  #running: Promise<void> | undefined;
  #heard: readonly Word[] = [];
  /** When it was last looked whether its own word stands there. */
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** Why the others cannot be told of this director; undefined: they can. */
  #silence: string | undefined;
  /** What directors say, for those who ask at about the same time: read by each all the time, it would grow with their square. */
  readonly #words: Recent<readonly Word[]>;

  constructor(private readonly parts: ParticipantParts) {
    const { config, state, keeper, log } = parts;
    this.#client = new EtcdClient(config.etcd);
    this.#plane = new EtcdPlane(this.#client, config.etcd, ({ message }) =>
      log.warn(
        { event: "plane", error: message },
        "no snapshot could be made in etcd, or the old not be removed",
      ),
    );
    this.#presence = new Presence(this.#client, new Keys(config.etcd.prefix));
    this.#words = new Recent(() => this.#hear(), SHORTEST_LOOK * (parts.lookMs ?? LOOK_MS));
    const record = new AppliedRecord(join(state, "agent", "plane.json"), config.etcd.prefix);
    this.member = new Member({ plane: this.#plane, keeper, record, log });
  }

  start(): void {
    this.#watching = this.#plane.watch(() => this.#hint.abort());
    this.#running = this.#run();
  }

  /** As a keeper to whoever declares things: what it tells is what all have agreed on, and what it is told all agree on. */
  get declaring(): Declaring {
    const { member } = this;
    const { keeper } = this.parts;
    return {
      get view() {
        return keeper.view;
      },
      async state(known) {
        await member.refresh();
        return keeper.state(known);
      },
      async newest(known) {
        await member.confirm();
        return keeper.state(known);
      },
      change: (order, isExact) => member.change(order, isExact),
    };
  }

  /** How this director stands to what is shared, and what all said of themselves when somebody asked last. */
  get answer(): PlaneAnswer {
    const { endpoints, prefix } = this.parts.config.etcd;
    // Where etcd is lost nobody knows who is alive.
    const heard = this.member.standing.state === "lost" ? [] : this.#heard;
    const directors = heard.map(({ director, version, revision, digests, down, lost, troubles }) => ({
      ...{ director, version, revision, digests, down, lost, troubles },
    }));
    return { store: "etcd", endpoints, prefix, ...this.member.standing, directors };
  }

  /** The same, with what the others say at this moment. Throws PlaneDownError. */
  async ask(): Promise<PlaneAnswer> {
    await this.#hear();
    return this.answer;
  }

  /** The same, with what they said within the last seconds. Fails never, and does not wait for an etcd that hangs. */
  async told(): Promise<PlaneAnswer> {
    if (this.member.standing.state !== "lost") {
      await endsWithin(
        HEAR_MS,
        this.#words.get().catch(() => undefined),
      );
    }
    return this.answer;
  }

  /** Whether what is held agrees with itself, and how directors stand to it. Throws PlaneDownError. */
  async check() {
    const found = await this.#plane.check();
    return { ...found, ...(await this.ask()) };
  }

  /** Puts a registry in the place of what is shared; see `Member.restore`. */
  async restore(text: string) {
    const directors = await this.#presence.hear();
    const above = Math.max(0, ...directors.map(({ revision }) => revision));
    const { revision, digest } = await this.member.restore(text, above);
    return { revision, digest };
  }

  /** The registry that is shared. Throws PlaneDownError, PlaneBrokenError. */
  async backup() {
    const newest = await this.#plane.newest();
    return newest && { revision: newest.shared.revision, registry: newest.shared.text };
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    this.#hint.abort();
    this.#watching?.close();
    await this.#running;
    await this.member.stop();
    if (this.member.standing.state !== "lost") await this.#presence.leave();
    this.#client.close();
  }

  async #run(): Promise<void> {
    const { lookMs = LOOK_MS, log } = this.parts;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      this.#hint = new AbortController();
      await this.member.look();
      try {
        await this.member.endDrains();
        if (this.member.standing.state !== "lost") await this.#speak();
        this.#silence = undefined;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (reason !== this.#silence) log.error({ event: "plane", error: reason }, "a round failed");
        this.#silence = reason;
      }
      const heard = AbortSignal.any([signal, this.#hint.signal]);
      await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
      await delay(lookMs * (SHORTEST_LOOK + 0.4 * Math.random()), undefined, {
        signal: heard,
        ref: false,
      }).catch(() => undefined);
    }
  }

  async #speak(): Promise<void> {
    const { lookMs = LOOK_MS } = this.parts;
    const nowMs = performance.now();
    // Not at each change: no hint tells of what others do to its word.
    const isLook = nowMs - this.#lookedAtMs >= SHORTEST_LOOK * lookMs;
    if (isLook) this.#lookedAtMs = nowMs;
    const isOther = await this.#presence.say(await this.#word(), isLook);
    const { director } = this.parts.config;
    if (isOther) this.parts.log.error({ event: "plane", director }, "another director goes by the same name");
  }

  async #hear(): Promise<readonly Word[]> {
    this.#heard = await this.#presence.hear();
    return this.#heard;
  }

  async #word(): Promise<Word> {
    const { keeper, config, version } = this.parts;
    const { pools, trouble } = keeper.view;
    const { state, reason, revision, conflicts } = this.member.standing;
    const troubles = [
      ...(trouble === undefined ? [] : [trouble]),
      ...(state === "alarm" && reason !== undefined ? [reason] : []),
      ...conflicts,
    ];
    return {
      ...{ director: config.director, instance: this.#instance, version, revision },
      digests: await keeper.digests(),
      down: Object.keys(pools.watch.down).length,
      lost: [...registrations(pools.registry).keys()].filter((key) => pools.lost.has(key)).length,
      troubles: bounded(troubles),
    };
  }
}

/** etcd takes no word of any length, and a director that cannot say it would pass for dead. */
function bounded(troubles: readonly string[]): string[] {
  const shown = troubles.slice(0, TROUBLES_MAX).map((one) => one.slice(0, TROUBLE_LENGTH));
  const more = troubles.length - shown.length;
  return more > 0 ? [...shown, `and ${more} more`] : shown;
}
