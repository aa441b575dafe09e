import {
  type ChangeAnswer,
  type ChangeOrder,
  type Digests,
  joinLines,
  mergeDelta,
  registryLines,
  type TableText,
} from "../../director/data";
import type { Table } from "../../ipvs";
import type { Kernel } from "../kernel";
import type { Pools } from "../pools";
import type { LastLook } from "./last-look";
import { type Host, stateAnswer, toldOf } from "./state-answer";
import type { WriteAhead } from "./write-ahead";

/** A change that the director would make, and what it was weighed against. */
export interface Weighed {
  /** The director holds something else than the change was computed from; undefined: it may be made. */
  readonly refusal: ChangeAnswer | undefined;
  readonly table: Table;
}

/** Makes changes that are asked for where the director holds what they were computed from. Whoever calls has the turn. */
export class ChangeOrders {
  constructor(
    private readonly parts: {
      readonly kernel: Kernel;
      readonly host: Host;
      readonly pools: Pools;
      readonly last: LastLook;
      readonly changes: WriteAhead;
    },
  ) {}

  /** Whether a change could be made now; nothing is. Throws KernelError. */
  async weigh({ expect }: ChangeOrder): Promise<Weighed> {
    const text = await this.parts.kernel.read();
    return { refusal: this.#refusal(text, expect), table: text.table };
  }

  /** @throws what {@link WriteAhead.make} throws; KernelError */
  async change({ expect, predict, registry, scope, desired }: ChangeOrder): Promise<ChangeAnswer> {
    const { kernel, host, pools, last, changes } = this.parts;
    const text = await kernel.read();
    const refusal = this.#refusal(text, expect);
    if (refusal) return refusal;
    const after = joinLines(mergeDelta(registryLines(pools.registry), registry).values());
    const messages = await changes.make({ after, scope, desired }, text);
    const left = await kernel.read();
    last.seen = left;
    return { outcome: "applied", state: stateAnswer(host, toldOf(pools, left), predict), messages };
  }

  /** What is answered to a change that was computed from something else than the director holds; undefined: it was not. */
  #refusal(text: TableText, expect: Digests): ChangeAnswer | undefined {
    const state = stateAnswer(this.parts.host, toldOf(this.parts.pools, text), expect);
    const isSame = state.digests.registry === expect.registry && state.digests.table === expect.table;
    return isSame ? undefined : { outcome: "changed", state, messages: "" };
  }
}
