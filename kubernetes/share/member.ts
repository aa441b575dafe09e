import type { Logger } from "pino";
import { CONTROLLER, MEMBER_LEASES } from "../../spec/kubernetes";
import type { Api } from "../api";
import { ApiError, wordsOf } from "../api-errors";
import { pause } from "../backoff";
import { LEASE } from "../lease";
import { leaseList } from "../objects";
import type { View } from "./division";
import { freeSlot, look, memberLease, othersOf, type Slots, viewWith } from "./slots";
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
  #seen: Slots = new Map();
  #lookedMs = Number.NEGATIVE_INFINITY;
  #slot: number | undefined;
  #standing: Standing | undefined;
  /** Resolves when the writes have ended that were on their way when the target became what it is. */
  #leaving: Promise<unknown> = Promise.resolve();
  #validMs = Number.NEGATIVE_INFINITY;
  /** The division that was told last; empty: one has been on its way since. */
  #told = "";

  constructor(options: MemberOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
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
        const about = { event: "member", error: wordsOf(error) };
        this.#options.log.warn(about, "the Leases of replicas cannot be written or read");
      }
      await pause(againMs * (0.9 + Math.random() / 5), signal);
    }
    await this.#release();
  }

  /** Renews and looks once. @throws ApiError when the API server does not answer: then all stays as it is */
  async turn(signal: AbortSignal): Promise<void> {
    if (this.#slot === undefined) await this.#look(signal);
    this.#slot ??= freeSlot(this.#seen, this.#options.identity, this.#nowMs());
    const slot = this.#slot;
    // As many share as may: this one stands by.
    if (slot === undefined) return;
    const view = await this.#nextView(slot, signal);
    // Counted from before the request: the server may have taken it at once and answered late.
    const begunMs = this.#nowMs();
    const isHeld = await this.#hold(slot, view, signal);
    await this.#look(signal);
    if (this.#seen.get(slot)?.lease.spec?.holderIdentity !== this.#options.identity) this.#lose();
    else if (isHeld) this.#stand(slot, view, begunMs);
  }

  /** What the Lease is to say: as long as writes of what is to go are on their way, what it says already. */
  async #nextView(slot: number, signal: AbortSignal): Promise<View> {
    if (this.#standing === undefined)
      return viewWith(slot, othersOf(this.#seen, this.#options.identity, this.#nowMs()).keys());
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

  /** @returns whether it is written; not, if somebody else has written it since it was read */
  async #hold(slot: number, view: View, signal: AbortSignal): Promise<boolean> {
    const { api, namespace, identity } = this.#options;
    const body = memberLease(namespace, slot, this.#seen, identity, view, new Date());
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    try {
      if (this.#seen.has(slot))
        await api.request({ method: "PUT", path: `${path}/${MEMBER_LEASES[slot - 1]}`, body, signal });
      else await api.request({ method: "POST", path, body, signal });
      return true;
    } catch (error) {
      if (error instanceof ApiError && (error.isConflict || error.isMissing)) return false;
      throw error;
    }
  }

  /** A list that names no version is as fresh as what was written last, through whichever API server. */
  async #look(signal: AbortSignal): Promise<void> {
    const { api, namespace } = this.#options;
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    const query = { labelSelector: `app.kubernetes.io/name=${CONTROLLER}` };
    const { items } = leaseList.parse(await api.request({ method: "GET", path, query, signal }));
    const nowMs = this.#nowMs();
    this.#seen = look(this.#seen, items ?? [], this.#lookedMs, nowMs);
    this.#lookedMs = nowMs;
  }

  #stand(me: number, published: View, begunMs: number): void {
    const others = othersOf(this.#seen, this.#options.identity, this.#nowMs());
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

  #lose(): void {
    this.#slot = undefined;
    if (this.#standing === undefined) return;
    this.#standing = undefined;
    this.#told = "";
    this.#options.log.warn({ event: "displaced" }, "another replica has this one's place");
    this.#options.onChange();
  }

  /** So that the others need not wait until it has run out. */
  async #release(): Promise<void> {
    this.#standing = undefined;
    const slot = this.#slot;
    if (slot === undefined) return;
    const { log, identity } = this.#options;
    const signal = AbortSignal.timeout(LEASE.retryMs);
    try {
      // A request that was broken off may have been made.
      await this.#look(signal);
      if (this.#seen.get(slot)?.lease.spec?.holderIdentity === identity) await this.#hold(slot, [], signal);
    } catch (error) {
      log.warn({ event: "member", error: wordsOf(error) }, "the place could not be let go");
    }
  }
}
