import { randomUUID } from "node:crypto";
import { type ChangeAnswer, type ChangeOrder, renderRegistry } from "../../director/data";
import { serviceKey } from "../../ipvs";
import { endsWithin } from "../ends-within";
import type { Keeper } from "../keeper";
import type { Log } from "../log";
import { readRegistry } from "../registry-file";
import { Turns } from "../turns";
import { Following } from "./following";
import { HeldBackError } from "./held-back";
import { NotFollowingError } from "./not-following-error";
import type { Known, Left, Plane, Shared } from "./plane";
import type { AppliedRecord } from "./record";
import type { Standing } from "./standing";

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
  readonly #following: Following;
  /** A look that has not begun yet. */
  #looking: Promise<void> | undefined;

  constructor(private readonly parts: MemberParts) {
    this.#following = new Following(parts);
  }

  get standing(): Standing {
    return this.#following.standing;
  }

  /** What was last applied; undefined: nothing. */
  get applied(): Known | undefined {
    return this.#following.applied;
  }

  /** Looks at what is shared, and follows it where that is right. Fails never: how it went is in `standing`. */
  look(): Promise<void> {
    // Those who ask before it has begun share one: while etcd hangs each takes seconds, and all else waits for its turn.
    this.#looking ??= this.#turns.take(() => {
      this.#looking = undefined;
      return this.#following.look();
    });
    return this.#looking;
  }

  /**
   * Follows what was agreed on until now, so that what is told of this director next is no older. Where that takes long it is not
   * waited for: a director always says what it has.
   */
  async refresh(): Promise<void> {
    const { state } = this.standing;
    // One that has just started does not know yet what others have made while it was away.
    if (state === "lost" || state === "alarm") return;
    await endsWithin(REFRESH_MS, this.look());
  }

  /**
   * The same, for whoever has to be sure.
   *
   * @throws PlaneDownError, NotFollowingError: what is newest is not known, or not followed here
   */
  confirm(): Promise<void> {
    return this.#turns.take(async () => {
      await this.#following.look();
      this.#following.require();
    });
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
      await this.#following.ensure();
      const { refusal, table } = await this.parts.keeper.weigh(order);
      if (refusal) return { ...refusal, shared: true };
      if (this.#following.heldBack(order.registry).length > 0)
        throw new HeldBackError(this.standing.conflicts);
      const agreed = await this.#following.agree(order.registry, leavesOf(order), isExact);
      if (!agreed) {
        const state = await this.parts.keeper.state(order.expect);
        return { outcome: "changed", state, messages: "", shared: true };
      }
      const { answer } = await this.#following.make(agreed, { order, table });
      return { ...answer, shared: true };
    });
  }

  /** Ends drains that whoever began them has not ended. Nothing where that cannot be agreed on now: it is tried again. */
  endDrains(): Promise<void> {
    return this.#turns.take(async () => {
      if (this.standing.state !== "following") return;
      const overdue = this.parts.keeper.overdue();
      const heldBack = new Set(this.#following.heldBack(overdue));
      const delta = overdue.filter((edit) => !heldBack.has(edit));
      if (delta.length === 0) return;
      const agreed = await this.#following.agree(delta, []);
      if (agreed) await this.#following.make(agreed);
      this.parts.log.info({ event: "drained", revision: this.applied?.revision }, "drains are over");
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
      await this.#following.apply(newest.shared, []);
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
      await this.#following.known();
      const { revision = 0, history = randomUUID() } = this.applied ?? {};
      const shared = await this.parts.plane.replace(file, Math.max(revision, above), history);
      await this.#following.make(shared);
      return shared;
    });
  }

  /** Waits for what is under way, and takes on nothing more. */
  stop(): Promise<void> {
    return this.#turns.end(async () => undefined);
  }
}

/** What an order lets go of and leaves standing: it is wanted in the kernel, and registered no more. */
function leavesOf({ registry, scope, desired }: ChangeOrder): Left[] {
  const removed = new Set(registry.flatMap((edit) => /^-service \S+ (.+)$/.exec(edit)?.[1] ?? []));
  const standing = new Set(desired.map(serviceKey));
  return scope.filter((key) => removed.has(key) && standing.has(key)).map((key) => ({ key }));
}
