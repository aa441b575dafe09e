import {
  type ChangeAnswer,
  type ChangeOrder,
  type Digests,
  joinLines,
  mergeDelta,
  type Registry,
  registryLines,
  type TableText,
} from "../../director/data";
import type { Table } from "../../ipvs";
import type { Kernel } from "../kernel";
import type { Pools } from "../pools";
import { readRegistry } from "../registry-file";
import type { LastLook } from "./last-look";
import { type Host, stateAnswer, toldOf } from "./state-answer";
import type { Carried, WriteAhead } from "./write-ahead";

/** A change that the director would make, and what it was weighed against. */
export interface Weighed {
  /** The director holds something else than the change was computed from; undefined: it may be made. */
  readonly refusal: ChangeAnswer | undefined;
  readonly table: Table;
}

/** The answer to a change, and what is to be added to it: see {@link Carried}. */
export interface Answered {
  readonly answer: ChangeAnswer;
  readonly unplaced: Carried["unplaced"];
}

/** With more words among its messages; empty: none. */
export function withWords(answer: ChangeAnswer, words: string): ChangeAnswer {
  return { ...answer, messages: [answer.messages, words].filter((one) => one !== "").join("\n") };
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
  async change({ expect, predict, registry, scope, desired }: ChangeOrder): Promise<Answered> {
    const { kernel, host, pools, last, changes } = this.parts;
    const text = await kernel.read();
    const refusal = this.#refusal(text, expect);
    if (refusal) return { answer: refusal, unplaced: Promise.resolve("") };
    const after = this.#after(registry);
    const { complaint, unplaced } = await changes.make({ after, scope, desired }, text);
    const left = await kernel.read();
    last.seen = left;
    const state = stateAnswer(host, toldOf(pools, left), predict);
    return { answer: { outcome: "applied", state, messages: complaint }, unplaced };
  }

  /** What would be declared if the change were made now. Throws RegistryError. */
  declared({ registry }: ChangeOrder): Registry {
    return readRegistry(this.#after(registry));
  }

  #after(delta: ChangeOrder["registry"]): string {
    return joinLines(mergeDelta(registryLines(this.parts.pools.registry), delta).values());
  }

  /** What is answered to a change that was computed from something else than the director holds; undefined: it was not. */
  #refusal(text: TableText, expect: Digests): ChangeAnswer | undefined {
    const state = stateAnswer(this.parts.host, toldOf(this.parts.pools, text), expect);
    const isSame = state.digests.registry === expect.registry && state.digests.table === expect.table;
    return isSame ? undefined : { outcome: "changed", state, messages: "" };
  }
}
