import { setTimeout as delay } from "node:timers/promises";
import { realServerId, virtualServerId } from "../../agent/api/ids";
import type { PlannedService } from "../plan";
import type { Answered } from "./api-client";
import type { Declared } from "./declared";

export const CHANGES_PER_S = 50;
/** One change of so many lets a server leave the busy virtual server, or come back. */
const MOVE_EVERY = 40;
/** Longer than a request takes: what leaves loses none. */
const DRAIN_MS = 1_000;

type Member = PlannedService["members"][number];
/** The server that leaves and comes back. */
interface Mover {
  readonly member: Member;
  isIn: boolean;
  moving: boolean;
}

/** Makes a change, and counts what it was answered. */
export type Change = (method: string, path: string, body?: object) => Promise<Answered>;

/** Where the API has a virtual server. */
export function pathOf({ address, port }: PlannedService): string {
  return `/v1/virtual-servers/${virtualServerId({ protocol: "tcp", address, port })}`;
}

/** Changes at a pace: weights, and, of the busy virtual server, also which servers there are. */
export class Changes {
  /** Of one server they follow each other: which of two at once is the last would be chance. */
  readonly #last = new Map<string, Promise<unknown>>();
  readonly #mover: Mover | undefined;
  moves = 0;

  constructor(
    private readonly services: readonly PlannedService[],
    private readonly busy: PlannedService | undefined,
    private readonly declared: Declared,
    private readonly change: Change,
  ) {
    const member = busy?.members.at(-1);
    if (member) this.#mover = { member, isIn: true, moving: false };
  }

  /** Until then, by `performance.now()`; ends when the last has been answered, with every server in its place. */
  async until(endMs: number): Promise<void> {
    const beganMs = performance.now();
    const made: Promise<unknown>[] = [];
    for (let turn = 0; performance.now() < endMs; turn++) {
      await delay(Math.max(0, beganMs + (turn * 1000) / CHANGES_PER_S - performance.now()));
      made.push(this.#one(turn));
    }
    await Promise.all(made);
    if (this.busy && this.#mover?.isIn === false) await this.#move(this.busy, this.#mover);
  }

  #one(turn: number): Promise<unknown> {
    const { busy } = this;
    if (!busy || turn % 2 === 1) {
      const at = busy ? (turn - 1) / 2 : turn;
      const service = this.services[at % this.services.length];
      return service ? this.#weigh(service, service.members, at) : Promise.resolve();
    }
    if (turn % MOVE_EVERY === 0 && this.#mover && !this.#mover.moving) return this.#move(busy, this.#mover);
    return this.#weigh(busy, busy.members.slice(0, -1), turn / 2);
  }

  async #weigh(service: PlannedService, members: readonly Member[], at: number): Promise<void> {
    const member = members[at % members.length];
    if (!member) return;
    const path = `${pathOf(service)}/real-servers/${realServerId(member)}/weight`;
    const weight = 1 + (at % 100);
    const before = this.#last.get(path) ?? Promise.resolve();
    const made = before.then(async () => {
      await this.change("PUT", path, { weight });
      this.declared.set(service, member, weight);
    });
    this.#last.set(path, made);
    await made;
  }

  async #move(busy: PlannedService, mover: Mover): Promise<void> {
    mover.moving = true;
    const place = `${pathOf(busy)}/real-servers`;
    const { address, port } = mover.member;
    if (mover.isIn)
      await this.change("DELETE", `${place}/${realServerId(mover.member)}?drain-ms=${DRAIN_MS}`);
    else await this.change("POST", place, { address, port });
    mover.isIn = !mover.isIn;
    this.moves++;
    mover.moving = false;
  }
}
