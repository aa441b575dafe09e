import { randomUUID } from "node:crypto";
import type { Keeper } from "../keeper";
import type { Followed, OwnChange } from "../keeper/follower";
import type { Log } from "../log";
import { AgreedError } from "./agreed-error";
import { agree } from "./agreement";
import { heldBackOf } from "./held-back";
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

/** What is followed, and by whom. */
export interface FollowingParts {
  readonly plane: Plane;
  readonly keeper: Pick<Keeper, "follow" | "view">;
  readonly record: AppliedRecord;
  readonly log: Log;
}

/** What a director has of what is shared, and how it comes to have what is newest. Whoever calls has the turn. */
export class Following {
  #shared: Shared | undefined;
  #applied: Known | undefined;
  #isLoaded = false;
  /** What is shared is to be followed, and cannot be made here. */
  #isFailing = false;
  readonly #standing: StandingBook;

  constructor(private readonly parts: FollowingParts) {
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
  async look(): Promise<void> {
    this.#isFailing = false;
    try {
      const newest = await this.parts.plane.newest(await this.known());
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
    await this.apply(newest.shared, newest.leaves);
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
    await this.apply(proposed.shared, []);
  }

  /**
   * Has a change taken, from where this director stands (agreement.ts).
   *
   * @returns undefined: something else has been agreed on, and is followed
   */
  async agree(
    delta: readonly string[],
    leaves: readonly Left[],
    isExact = false,
  ): Promise<Shared | undefined> {
    const text = () => this.parts.keeper.view.text;
    const ground = { base: this.#shared, applied: this.#applied, text };
    const agreed = await agree(this.parts.plane, ground, { delta, leaves, isExact });
    if (agreed.outcome === "agreed") return agreed.shared;
    if (agreed.newest) await this.apply(agreed.newest.shared, agreed.newest.leaves);
    return undefined;
  }

  /** Makes here what has been agreed on. Throws AgreedError: the others make it, whatever happens here. */
  async make(agreed: Shared, own?: OwnChange): Promise<Followed> {
    try {
      return await this.apply(agreed, [], own);
    } catch (error) {
      throw new AgreedError(agreed.revision, error);
    }
  }

  /** What of a delta touches that which entries of nobody keep this director from holding. */
  heldBack(delta: readonly string[]): string[] {
    if (this.#standing.now.conflicts.length === 0) return [];
    return heldBackOf(delta, this.parts.keeper.view.text, this.#shared?.text ?? "");
  }

  /** Makes here what is shared, and has it written down that it is. @param leaves what is let go of and stays as it stands */
  async apply(shared: Shared, leaves: readonly Left[], own?: OwnChange): Promise<Followed> {
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
  async ensure(): Promise<void> {
    if (this.#standing.now.state !== "following") await this.look();
    this.require();
  }

  /** Fails unless what was last heard of what is shared is followed. */
  require(): void {
    const { state, reason = "" } = this.#standing.now;
    if (state === "following") return;
    if (state === "alarm") throw new NotFollowingError(reason, this.#isFailing);
    throw new PlaneDownError(this.parts.plane.endpoints, reason);
  }

  /** What is known of what is shared: as it was last followed, or as it is written down. */
  async known(): Promise<Known | undefined> {
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
