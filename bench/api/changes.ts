import { setTimeout as delay } from "node:timers/promises";
import { realServerId, virtualServerId } from "../../agent/api/ids";
import type { PlannedService } from "../plan";
import type { Answered } from "./api-client";
import type { Declared } from "./declared";

export const CHANGES_PER_S = 50;
/** An agent takes 64 changes at a time. */
const OPEN_MAX = 32;
/** One change of so many lets a server leave the busy virtual server, or come back, where it has done so before. */
const MOVE_EVERY = 40;
/** Longer than a request takes, also on a processor that clients and changes use up: what leaves loses none. */
const DRAIN_MS = 2_500;
/** How often is asked whether a server has left. */
const LOOK_MS = 100;
/** An agent ends drains when it looks at its table. */
const LEAVE_MAX_MS = 30_000;

type Member = PlannedService["members"][number];

/** Who makes changes, and counts what they were answered. */
export interface Changer {
  change(method: string, path: string, body?: object): Promise<Answered>;
  isThere(path: string): Promise<boolean>;
}

/** Where the API has a virtual server. */
export function pathOf({ address, port }: PlannedService): string {
  return `/v1/virtual-servers/${virtualServerId({ protocol: "tcp", address, port })}`;
}

/** Changes at a pace: weights, and, of the busy virtual server, also which servers there are. */
export class Changes {
  /** Where changes are under way. Of one server they follow each other: which of two at once is the last would be chance. */
  readonly #open = new Set<string>();
  /** The server that leaves and comes back is the last of the pool. */
  #isIn = true;
  #isMoving = false;
  readonly #moving: Promise<void>[] = [];
  #failure: unknown;
  #weights = 0;
  /** How often it has left or come back. */
  moves = 0;

  constructor(
    private readonly services: readonly PlannedService[],
    private readonly busy: PlannedService | undefined,
    private readonly declared: Declared,
    private readonly changer: Changer,
  ) {}

  /**
   * Until then, by `performance.now()`; ends with every server in its place.
   *
   * @returns when all that were begun at the pace had been answered
   */
  async until(endMs: number): Promise<number> {
    const beganMs = performance.now();
    const open = new Set<Promise<unknown>>();
    for (let turn = 0; performance.now() < endMs; turn++) {
      await delay(Math.max(0, beganMs + (turn * 1000) / CHANGES_PER_S - performance.now()));
      while (open.size >= OPEN_MAX) await Promise.race(open);
      const one = this.#one(turn);
      open.add(one);
      void one.then(() => open.delete(one));
    }
    await Promise.all(open);
    const answeredMs = performance.now();
    await Promise.all(this.#moving);
    if (this.#failure !== undefined) throw this.#failure;
    if (this.busy && !this.#isIn) await this.#moveNow(this.busy);
    return answeredMs;
  }

  async #one(turn: number): Promise<void> {
    const { busy } = this;
    if (busy && turn % MOVE_EVERY === 0 && !this.#isMoving) {
      const move = this.#moveNow(busy).catch((error: unknown) => {
        this.#failure ??= error;
      });
      this.#moving.push(move);
      return;
    }
    const isBusy = busy !== undefined && turn % 2 === 0;
    if (isBusy && (await this.#weigh(busy, busy.members.slice(0, -1), turn / 2))) return;
    const count = this.services.length;
    const at = busy ? Math.floor(turn / 2) : turn;
    for (let next = at; next < at + count; next++) {
      const service = this.services[next % count];
      if (service && (await this.#weigh(service, service.members, next + Math.floor(next / count)))) return;
    }
  }

  /**
   * Gives the first server that is not being changed another weight.
   *
   * @param at which one is tried first; each time it is another one
   * @returns whether there was one
   */
  async #weigh(service: PlannedService, members: readonly Member[], at: number): Promise<boolean> {
    const pool = `${pathOf(service)}/real-servers`;
    const path = (one: Member) => `${pool}/${realServerId(one)}/weight`;
    const inTurn = members.map((_, index) => members[(at + index) % members.length] as Member);
    const member = inTurn.find((one) => !this.#open.has(path(one)));
    if (!member) return false;
    const weight = 1 + (this.#weights++ % 97);
    this.#open.add(path(member));
    await this.changer.change("PUT", path(member), { weight });
    this.declared.set(service, member, weight);
    this.#open.delete(path(member));
    return true;
  }

  async #moveNow(busy: PlannedService): Promise<void> {
    const member = busy.members.at(-1);
    if (!member) return;
    this.#isMoving = true;
    const pool = `${pathOf(busy)}/real-servers`;
    const place = `${pool}/${realServerId(member)}`;
    const { address, port } = member;
    const { status, text } = this.#isIn
      ? await this.changer.change("DELETE", `${place}?drain-ms=${DRAIN_MS}`)
      : await this.changer.change("POST", pool, { address, port });
    if (status < 200 || status > 299) throw new Error(`${place}: ${status} ${text}`);
    const endMs = performance.now() + LEAVE_MAX_MS;
    while (this.#isIn && (await this.changer.isThere(place))) {
      if (performance.now() > endMs)
        throw new Error(`${place} has not left within ${LEAVE_MAX_MS / 1_000} s`);
      await delay(LOOK_MS);
    }
    this.#isIn = !this.#isIn;
    this.#isMoving = false;
    this.moves++;
  }
}
