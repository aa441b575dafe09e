import { randomUUID } from "node:crypto";
import { type ChangeAnswer, type ChangeOrder, renderRegistry } from "../../director/data";
import { serviceKey } from "../../ipvs";
import { endsWithin } from "../ends-within";
import type { Keeper } from "../keeper";
import type { Followed } from "../keeper/follower";
import type { Log } from "../log";
import { readRegistry } from "../registry-file";
import { Turns } from "../turns";
import { AgreedError } from "./agreed-error";
import { agree } from "./agreement";
import { HeldBackError, heldBackOf } from "./held-back";
import { judge } from "./judge";
import { NotFollowingError } from "./not-following-error";
import {
  type Known,
  type Left,
  type Newest,
  type Plane,
  PlaneBrokenError,
  PlaneDownError,
  PlaneUncertainError,
  type Shared,
} from "./plane";
import type { AppliedRecord } from "./record";
import { digestOf, steps } from "./registry-text";
import { type Standing, StandingBook } from "./standing";

/** What a member of a plane needs. */
export interface MemberParts {
  readonly plane: Plane;
  readonly keeper: Pick<Keeper, "weigh" | "follow" | "change" | "state" | "overdue" | "view">;
  readonly record: AppliedRecord;
  readonly log: Log;
}

/** How long is waited for what is newest before a director tells what it has. */
const REFRESH_MS = 2_000;

/**
 * A director as one of several that agree on what is declared. It follows what is newest, and has a change that is asked of it
 * agreed on before it is made. What it forwards by is its own file; while nothing can be agreed on, that stays as it is.
 */
export class Member {
  readonly #turns = new Turns();
  #shared: Shared | undefined;
  #applied: Known | undefined;
  #isLoaded = false;
  /** A look that has not begun yet. */
  #looking: Promise<void> | undefined;
  /** What is shared is to be followed, and cannot be made here. */
  #isFailing = false;
  readonly #standing: StandingBook;

  constructor(private readonly parts: MemberParts) {
    this.#standing = new StandingBook(parts.log);
  }

  get standing(): Standing {
    return { ...this.#standing.now, revision: this.#applied?.revision ?? 0 };
  }

  /** What was last applied; undefined: nothing. */
  get applied(): Known | undefined {
    return this.#applied;
  }

  /** Looks at what is shared, and follows it where that is right. Fails never: how it went is in `standing`. */
  look(): Promise<void> {
    // Those who ask before it has begun share one: while etcd hangs each takes seconds, and all else waits for its turn.
    this.#looking ??= this.#turns.take(() => {
      this.#looking = undefined;
      return this.#look();
    });
    return this.#looking;
  }

  /**
   * Follows what was agreed on until now, so that what is told of this director next is no older. Where that takes long it is not
   * waited for: a director always says what it has.
   */
  async refresh(): Promise<void> {
    if (this.#standing.now.state !== "following") return;
    await endsWithin(REFRESH_MS, this.look());
  }

  /**
   * Has a change agreed on and makes it. The same change, asked of several directors, is agreed on once.
   *
   * @param isExact not where others have changed anything since, be it something else
   * @throws PlaneDownError, NotFollowingError, HeldBackError: nothing of it was made; AgreedError: it was taken, and is not
   *   made here yet; PlaneUncertainError; what `Keeper.change` throws
   */
  change(order: ChangeOrder, isExact = false): Promise<ChangeAnswer> {
    // What declares nothing new is this director's own business.
    if (order.registry.length === 0) return this.parts.keeper.change(order);
    return this.#turns.take(async () => {
      // What is newest comes first: weighed against anything older, the change would undo what others have made since.
      await this.#following();
      const { refusal, table } = await this.parts.keeper.weigh(order);
      if (refusal) return { ...refusal, shared: true };
      if (this.#heldBack(order.registry).length > 0) throw new HeldBackError(this.#standing.now.conflicts);
      const agreed = await this.#agree(order.registry, leavesOf(order), isExact);
      if (!agreed) {
        const state = await this.parts.keeper.state(order.expect);
        return { outcome: "changed", state, messages: "", shared: true };
      }
      const { answer } = await this.#make(agreed, { order, table });
      return { ...answer, shared: true };
    });
  }

  /** Ends drains that whoever began them has not ended. Nothing where that cannot be agreed on now: it is tried again. */
  endDrains(): Promise<void> {
    return this.#turns.take(async () => {
      if (this.#standing.now.state !== "following") return;
      const overdue = this.parts.keeper.overdue();
      const heldBack = new Set(this.#heldBack(overdue));
      const delta = overdue.filter((edit) => !heldBack.has(edit));
      if (delta.length === 0) return;
      const agreed = await this.#agree(delta, []);
      if (agreed) await this.#make(agreed);
      this.parts.log.info({ event: "drained", revision: this.#applied?.revision }, "drains are over");
    });
  }

  /**
   * Follows what is shared although that is no successor of what was followed here.
   *
   * @throws PlaneDownError, NotFollowingError where it holds nothing
   */
  accept(): Promise<void> {
    return this.#turns.take(async () => {
      const newest = await this.parts.plane.newest();
      if (!newest) throw new NotFollowingError("it holds nothing that could be accepted");
      await this.#apply(newest.shared, []);
    });
  }

  /**
   * Puts a registry in the place of what is shared, and follows it.
   *
   * @param above a revision that some director is known to have applied
   * @throws PlaneDownError, PlaneUncertainError, RegistryError; AgreedError: it is there, and not made here yet
   */
  restore(text: string, above: number): Promise<Shared> {
    return this.#turns.take(async () => {
      // As every file of it is written: by another text of the same registry no director would know its own again.
      const file = renderRegistry(readRegistry(text));
      await this.#known();
      const { revision = 0, history = randomUUID() } = this.#applied ?? {};
      const shared = await this.parts.plane.replace(file, Math.max(revision, above), history);
      await this.#make(shared);
      return shared;
    });
  }

  /** Waits for what is under way, and takes on nothing more. */
  stop(): Promise<void> {
    return this.#turns.end(async () => undefined);
  }

  async #look(): Promise<void> {
    this.#isFailing = false;
    try {
      const newest = await this.parts.plane.newest(await this.#known());
      await this.#heed(newest);
    } catch (error) {
      const isLost = error instanceof PlaneDownError || error instanceof PlaneUncertainError;
      this.#isFailing = !isLost && !(error instanceof PlaneBrokenError);
      const reason = error instanceof PlaneDownError ? error.reason : messageOf(error);
      this.#standing.stand(isLost ? "lost" : "alarm", reason);
    }
  }

  async #heed(newest: Newest | undefined): Promise<void> {
    const { keeper } = this.parts;
    const verdict = judge({ applied: this.#applied, text: keeper.view.text }, newest);
    if (verdict.kind === "alarm") return this.#standing.stand("alarm", verdict.reason);
    if (verdict.kind === "wait") return this.#standing.stand("following");
    if (verdict.kind === "begin") return this.#begin(keeper.view.text);
    if (!newest) return;
    const isCurrent = verdict.kind === "current" && this.#standing.now.conflicts.length === 0;
    if (isCurrent && this.#isHeld(newest.shared)) {
      this.#shared = newest.shared;
      return this.#standing.stand("following");
    }
    await this.#apply(newest.shared, newest.leaves);
  }

  /** Whether the director's own file says what is shared; it may not, where it was ended before it had followed. */
  #isHeld({ digest }: Shared): boolean {
    return digestOf(this.parts.keeper.view.text) === digest;
  }

  /** Begins the history with what stands registered here. Where another one has begun meanwhile, that is looked at. */
  async #begin(text: string): Promise<void> {
    const proposal = { id: randomUUID(), delta: steps("", text), leaves: [] };
    const proposed = await this.parts.plane.propose(undefined, proposal);
    if (proposed.outcome === "overtaken") return this.#heed(proposed.newest);
    this.parts.log.info({ event: "plane", begun: true }, "etcd holds what stands registered here");
    await this.#apply(proposed.shared, []);
  }

  /**
   * Has a change taken, as {@link agree} does it.
   *
   * @returns undefined: something else has been agreed on, and is followed
   */
  async #agree(
    delta: readonly string[],
    leaves: readonly Left[],
    isExact = false,
  ): Promise<Shared | undefined> {
    const text = () => this.parts.keeper.view.text;
    const ground = { base: this.#shared, applied: this.#applied, text };
    const agreed = await agree(this.parts.plane, ground, { delta, leaves, isExact });
    if (agreed.outcome === "agreed") return agreed.shared;
    if (agreed.newest) await this.#apply(agreed.newest.shared, agreed.newest.leaves);
    return undefined;
  }

  /** Makes here what has been agreed on. Throws AgreedError: the others make it, whatever happens here. */
  async #make(agreed: Shared, own?: Parameters<Keeper["follow"]>[2]): Promise<Followed> {
    try {
      return await this.#apply(agreed, [], own);
    } catch (error) {
      throw new AgreedError(agreed.revision, error);
    }
  }

  /** What of a delta touches that which entries of nobody keep this director from holding. */
  #heldBack(delta: readonly string[]): string[] {
    if (this.#standing.now.conflicts.length === 0) return [];
    return heldBackOf(delta, this.parts.keeper.view.text, this.#shared?.text ?? "");
  }

  async #apply(
    shared: Shared,
    leaves: readonly Left[],
    own?: Parameters<Keeper["follow"]>[2],
  ): Promise<Followed> {
    const followed = await this.parts.keeper.follow(shared.text, leaves, own);
    const { text: _, ...known } = shared;
    this.#shared = shared;
    const isNew = this.#applied?.revision !== known.revision || this.#applied.digest !== known.digest;
    this.#applied = known;
    if (isNew) {
      await this.parts.record.save(known);
      this.parts.log.info({ event: "plane", revision: known.revision }, `revision ${known.revision} is held`);
    }
    this.#standing.stand("following", undefined, followed.conflicts);
    return followed;
  }

  /** Fails unless what is shared is known and followed. A fault of this director's is no reason to restore or accept anything. */
  async #following(): Promise<void> {
    if (this.#standing.now.state !== "following") await this.#look();
    const { state, reason = "" } = this.#standing.now;
    if (state === "following") return;
    if (state === "alarm") throw new NotFollowingError(reason, this.#isFailing);
    throw new PlaneDownError(this.parts.plane.endpoints, reason);
  }

  async #known(): Promise<Known | undefined> {
    if (!this.#isLoaded) {
      this.#applied = await this.parts.record.load();
      this.#isLoaded = true;
    }
    if (this.#shared) return this.#shared;
    const { text } = this.parts.keeper.view;
    const isOwn = this.#applied?.digest === digestOf(text);
    return this.#applied && { ...this.#applied, ...(isOwn && { text }) };
  }
}

/** What an order lets go of and leaves standing: it is wanted in the kernel, and registered no more. */
function leavesOf({ registry, scope, desired }: ChangeOrder): Left[] {
  const removed = new Set(registry.flatMap((edit) => /^-service \S+ (.+)$/.exec(edit)?.[1] ?? []));
  const standing = new Set(desired.map(serviceKey));
  return scope.filter((key) => removed.has(key) && standing.has(key)).map((key) => ({ key }));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
