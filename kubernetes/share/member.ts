import type { Logger } from "pino";
import type { Api } from "../api";
import { ApiError, wordsOf } from "../api-errors";
import { pause } from "../backoff";
import { LEASE } from "../lease";
import type { View } from "./division";
import { Places } from "./places";
import { viewWith } from "./slots";
import { isOwn, isSame, isSameStanding, isSettled, type Standing } from "./standing";

/** How a {@link Member} takes part. */
export interface MemberOptions {
  readonly api: Pick<Api, "request">;
  readonly log: Logger;
  /** Where the Leases are. */
  readonly namespace: string;
  /** Unlike that of any other replica, and of an earlier life of this one. */
  readonly identity: string;
  /** Resolves when no write is on its way that was begun before. Never rejects. */
  readonly written: () => Promise<unknown>;
  /** Told when other subjects may be this replica's than before. */
  readonly onChange: () => void;
  /** A monotonic clock, in ms. Default: this process's. */
  readonly nowMs?: () => number;
}

/** How often Leases are looked at while subjects are on their way from one replica to another, in ms. */
const SOON_MS = 500;

/** What to do where a request is refused to the ServiceAccount. */
const FORBIDDEN =
  "this replica cannot share: expected a role that allows to create and list Leases, and to update its own, as the manifest has it";

/**
 * One of the replicas that share the subjects. It holds one of a fixed number of Leases, its slot, and publishes there among
 * which slots it divides. It acts on what {@link isOwn} says; the order of its turns makes that true:
 *
 * 1. What is to go to others is let go of, and writes that are on their way have ended, before the Lease says so.
 * 2. The Lease is written, then all Leases are read: what others claim there is not touched until they claim it no more.
 *
 * Who loses the API server keeps its share, checks on, and may write nothing ({@link mayWrite}) until it has written and read
 * Leases again. It finds there whether the others have taken over: then its subjects are theirs, and come back in order.
 */
export class Member {
  readonly #options: MemberOptions;
  readonly #nowMs: () => number;
  readonly #places: Places;
  #slot: number | undefined;
  #standing: Standing | undefined;
  /** Resolves when the writes have ended that were on their way when the target became what it is. */
  #leaving: Promise<unknown> = Promise.resolve();
  #validMs = Number.NEGATIVE_INFINITY;
  /** What was told last of this replica's place; empty: that has not been so since. */
  #told = "";

  constructor(options: MemberOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    const { api, namespace, identity } = options;
    this.#places = new Places({ api, namespace, identity, nowMs: this.#nowMs });
  }

  /** Replicas that share, this one among them; 0: this one does not. */
  get members(): number {
    return this.#standing?.target.length ?? 0;
  }

  /** Whether nobody else can have what is this replica's. */
  get mayWrite(): boolean {
    return this.#standing !== undefined && this.#nowMs() - this.#validMs < LEASE.renewMs;
  }

  /** Whether all that has this key is this replica's to check; to write, if it {@link mayWrite}. */
  owns(key: string): boolean {
    return this.#standing !== undefined && isOwn(key, this.#standing);
  }

  /** Takes part until the signal fires, and then lets go of its slot. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let againMs: number = LEASE.retryMs;
      try {
        await this.turn(signal);
        if (this.#standing && !isSettled(this.#standing)) againMs = SOON_MS;
      } catch (error) {
        if (signal.aborted) break;
        this.#tellTrouble(error);
      }
      await pause(againMs * (0.9 + Math.random() / 5), signal);
    }
    await this.#release();
  }

  /** Renews and looks once. @throws ApiError when the API server does not answer: then all stays as it is */
  async turn(signal: AbortSignal): Promise<void> {
    if (this.#slot === undefined) await this.#places.look(signal);
    this.#slot ??= this.#places.free();
    const slot = this.#slot;
    if (slot === undefined) return this.#standBy();
    const view = await this.#nextView(slot, signal);
    // Counted from before the request: the server may have taken it at once and answered late.
    const begunMs = this.#nowMs();
    const isHeld = await this.#places.hold(slot, view, signal).catch((error: unknown) => {
      if (error instanceof ApiError && !error.isPassing) this.#refuse(slot);
      throw error;
    });
    await this.#places.look(signal);
    if (!this.#places.isOwn(slot)) this.#lose(slot);
    else if (isHeld) this.#stand(slot, view, begunMs);
  }

  /** As many share as may. */
  #standBy(): void {
    const words = "as many replicas share as may: this one stands by";
    if (this.#told !== words) this.#options.log.info({ event: "standby" }, words);
    this.#told = words;
  }

  /** Who has no place yet tries another one. Nothing was written. */
  #refuse(slot: number): void {
    if (this.#standing !== undefined) return;
    this.#places.refuse(slot);
    this.#slot = undefined;
  }

  #tellTrouble(error: unknown): void {
    const isForbidden = error instanceof ApiError && error.status === 403;
    const about = { event: "member", error: wordsOf(error) };
    if (isForbidden) this.#options.log.warn(about, FORBIDDEN);
    else this.#options.log.warn(about, "the Leases of replicas cannot be written or read");
  }

  /** What the Lease is to say: as long as writes of what is to go are on their way, what it says already. */
  async #nextView(slot: number, signal: AbortSignal): Promise<View> {
    if (this.#standing === undefined) return viewWith(slot, this.#places.others().keys());
    const { published, target } = this.#standing;
    if (isSame(published, target)) return target;
    const waiting = new AbortController();
    const end = () => waiting.abort();
    signal.addEventListener("abort", end, { once: true });
    const late = pause(LEASE.retryMs, waiting.signal).then(() => false);
    const isWritten = await Promise.race([this.#leaving.then(() => true), late]);
    signal.removeEventListener("abort", end);
    end();
    return isWritten ? target : published;
  }

  #stand(me: number, published: View, begunMs: number): void {
    const others = this.#places.others();
    const after = { me, published, target: viewWith(me, others.keys()), others };
    const before = this.#standing;
    this.#standing = after;
    this.#validMs = begunMs;
    // From here on none begins of what is to go; those that begin of what stays are not waited for.
    if (before === undefined || !isSame(before.target, after.target)) this.#leaving = this.#options.written();
    if (!isSameStanding(before, after)) this.#options.onChange();
    const words = isSettled(after) ? `${me} of ${after.target.join()}` : "";
    const isNews = words !== this.#told && words !== "";
    this.#told = words;
    if (!isNews) return;
    const about = { event: "share", slot: me, members: after.target.length };
    this.#options.log.info(about, "this replica has its share");
  }

  #lose(slot: number): void {
    const { log } = this.#options;
    if (this.#standing === undefined) {
      this.#refuse(slot);
      log.info({ event: "member", slot }, "this place could not be had: another one is tried");
      return;
    }
    this.#slot = undefined;
    this.#standing = undefined;
    this.#told = "";
    log.warn({ event: "displaced" }, "another replica has this one's place");
    this.#options.onChange();
  }

  /** So that the others need not wait until it has run out. */
  async #release(): Promise<void> {
    this.#standing = undefined;
    const slot = this.#slot;
    if (slot === undefined) return;
    const soon = () => AbortSignal.timeout(LEASE.retryMs);
    try {
      // A request that was broken off may have been made.
      await this.#places.look(soon());
      if (this.#places.isOwn(slot)) await this.#places.hold(slot, [], soon());
    } catch (error) {
      this.#options.log.warn({ event: "member", error: wordsOf(error) }, "the place could not be let go");
    }
  }
}
