import { type Declarations, hasQuorum, isLost, quorumOf } from "./agent-walk-model";
import type { Disaster } from "./agent-walk-schedule";

/** What does not make an agent forget or mistake whether a pool has its quorum. */
const SURE: ReadonlySet<Disaster> = new Set([
  ...(["none", "second writer", "server dies", "server is silent"] as const),
  ...(["half die", "all die", "servers flap", "all revive"] as const),
]);

/** Which virtual servers are without their quorum in a walk: between two sums of weights that depends on what was before. */
export class Quorums {
  #lost: ReadonlySet<number> = new Set();
  /** Virtual servers that may have lost or regained it in this step, or of which it may have been forgotten. */
  #swinging: ReadonlySet<number> = new Set();

  /** Virtual servers without it, when the table was last seen settled. */
  get lost(): ReadonlySet<number> {
    return this.#lost;
  }

  /**
   * A step begins.
   *
   * @param least servers that are well all the time
   * @param most those that are well at any time
   */
  foresee(
    disaster: Disaster,
    [before, after]: readonly [Declarations, Declarations],
    least: ReadonlySet<number>,
    most: ReadonlySet<number>,
  ): void {
    this.#lost = new Set([...this.#lost].filter((service) => before.has(service)));
    const swings = (service: number) => {
      const wasLost = this.#lost.has(service);
      const pools = [before, after].flatMap((all) => all.get(service) ?? []);
      return pools.some(
        (one) => quorumOf(service, one, wasLost ? most : least) === (wasLost ? "held" : "lost"),
      );
    };
    const quorate = [...after.keys()].filter(hasQuorum);
    this.#swinging = new Set(quorate.filter((service) => !SURE.has(disaster) || swings(service)));
  }

  /** What {@link lost} may come to. */
  get possible(): readonly ReadonlySet<number>[] {
    const sure = new Set([...this.#lost].filter((service) => !this.#swinging.has(service)));
    return [...this.#swinging].reduce<ReadonlySet<number>[]>(
      (all, service) => all.flatMap((one) => [one, new Set([...one, service])]),
      [sure],
    );
  }

  /**
   * The table has settled.
   *
   * @param lost which of those that are possible it shows
   */
  settled(declared: Declarations, alive: ReadonlySet<number>, lost: ReadonlySet<number>): void {
    const found = [...declared].filter(([service, one]) => isLost(service, one, alive, lost));
    this.#lost = new Set(found.map(([service]) => service));
  }
}
