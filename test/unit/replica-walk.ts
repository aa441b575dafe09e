/** Replicas that share, on a model of the API server and of time: what happens to them is a list of steps. */
import assert from "node:assert/strict";
import { setImmediate as turnOfEvents } from "node:timers/promises";
import * as fc from "fast-check";
import { LeaseStore } from "./lease-store";
import { ReplicaWalker } from "./replica-walker";

/** How often each thing happens, among all. */
const ACTS = {
  /** A replica's turn, from its beginning to its end, if it can end. */
  whole: 16,
  /** The beginning of one; its request comes to the server; it is answered. */
  turn: 3,
  make: 1,
  answer: 6,
  /** Up to 5 s go by. */
  wait: 6,
  join: 2,
  crash: 1,
  end: 1,
  cut: 1,
  /** One is cut off, and the others take their turns meanwhile, for up to 40 s. */
  outage: 2,
  mend: 2,
  write: 6,
  written: 3,
  /** Each answer takes up to 0.6 s from then on. */
  slow: 1,
} as const;

type Act = keyof typeof ACTS;

/** One thing that happens. */
export interface Step {
  readonly act: Act;
  readonly who: number;
  readonly ms: number;
}

const act = fc.oneof(
  ...Object.keys(ACTS).map((name) => {
    const kind = name as Act;
    return { arbitrary: fc.constant(kind), weight: ACTS[kind] };
  }),
);

/** All that happens in one walk. */
export const steps: fc.Arbitrary<Step[]> = fc.array(fc.record({ act, who: fc.nat(11), ms: fc.nat(5_000) }), {
  minLength: 50,
  maxLength: 100,
  size: "max",
});

/** Replicas, a server and a clock. */
export class Walk {
  readonly keys: readonly string[] = Array.from({ length: 12 }, (_, index) => `shop/service-${index}`);
  readonly #store = new LeaseStore();
  #walkers: ReplicaWalker[] = [];
  #nowMs = 0;
  #names = 0;
  /** How long the server takes for an answer, in ms. */
  #tookMs = 0;

  async take({ act, who, ms }: Step): Promise<void> {
    const one = this.#walkers[who % Math.max(1, this.#walkers.length)];
    if (act === "join" && this.#walkers.length < 4)
      this.#walkers.push(new ReplicaWalker(this.#store, `replica-${++this.#names}`, () => this.#nowMs));
    else if (act === "wait") this.#nowMs += ms;
    else if (act === "slow") this.#tookMs = ms % 600;
    else if (one) await this.#happens(act, one, ms);
    await turnOfEvents();
    this.#check();
  }

  /** Nothing happens any more but turns: what is divided in the end is everything, alike for all. */
  async settle(): Promise<void> {
    for (const one of this.#walkers) {
      one.api.isCut = false;
      one.endWrites();
    }
    for (let round = 0; round < 30; round++) await this.#round();
    const count = this.#walkers.length;
    for (const one of this.#walkers) assert.equal(one.member.members, count);
    for (const key of this.keys) {
      const having = this.#walkers.filter(({ member }) => member.owns(key) && member.mayWrite);
      assert.equal(having.length, Math.min(1, count), key);
    }
  }

  async #happens(act: Act, one: ReplicaWalker, ms: number): Promise<void> {
    if (act === "whole") await this.#whole(one);
    else if (act === "turn") one.turn();
    else if (act === "make") one.api.make();
    else if (act === "answer") this.#answer(one);
    else if (act === "cut") one.api.isCut = true;
    else if (act === "mend") one.api.isCut = false;
    else if (act === "written") one.endWrites(1);
    else if (act === "write") this.#write(one, ms);
    else if (act === "crash") {
      if (ms % 2 === 0) one.api.make();
      one.endWrites();
      this.#remove(one);
    } else if (act === "end" && !one.isTurning && one.writing.length === 0) {
      this.#remove(one);
      await this.#ended(one);
    } else if (act === "outage") {
      one.api.isCut = true;
      for (let round = 0; round < ms / 250; round++) await this.#round();
    }
  }

  #write(one: ReplicaWalker, chance: number): void {
    if (!one.member.mayWrite) return;
    const own = this.keys.filter((key) => one.member.owns(key));
    const key = own[chance % Math.max(1, own.length)];
    if (key !== undefined) one.beginWrite(key);
  }

  #remove(one: ReplicaWalker): void {
    this.#walkers = this.#walkers.filter((other) => other !== one);
  }

  /** No subject is two replicas' to write, or being written by one and another one's. */
  #check(): void {
    for (const { member, writing } of this.#walkers)
      for (const write of writing) write.isLate ||= !member.mayWrite;
    for (const key of this.keys) {
      const having = this.#walkers.filter(
        ({ member, writing }) =>
          (member.mayWrite && member.owns(key)) || writing.some((one) => one.key === key && !one.isLate),
      );
      assert.ok(having.length <= 1, `${key} is ${having.length} replicas'`);
    }
  }

  async #round(): Promise<void> {
    this.#nowMs += 2_000;
    for (const one of this.#walkers) {
      await this.#whole(one);
      this.#check();
    }
  }

  #answer(one: ReplicaWalker): void {
    if (one.api.isOpen) this.#nowMs += this.#tookMs;
    one.api.answer();
  }

  async #whole(one: ReplicaWalker): Promise<void> {
    one.turn();
    // A turn has four requests at most; one that waits for a write ends later.
    for (let request = 0; request < 5 && one.isTurning; request++) {
      await turnOfEvents();
      this.#answer(one);
      await turnOfEvents();
    }
  }

  async #ended(one: ReplicaWalker): Promise<void> {
    one.ending.abort();
    let isOver = false;
    const ending = one.member.run(one.ending.signal).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      this.#answer(one);
      await turnOfEvents();
    }
    await ending;
  }
}
