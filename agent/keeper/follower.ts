import { isDeepStrictEqual } from "node:util";
import {
  type ChangeAnswer,
  type ChangeOrder,
  joinLines,
  mergeDelta,
  registryLines,
  renderRegistry,
} from "../../director/data";
import { findService, type Table } from "../../ipvs";
import type { Kernel } from "../kernel";
import type { Left } from "../plane/plane";
import { changedKeys, withoutStrangers } from "../plane/strangers";
import type { Pools } from "../pools";
import { registrations } from "../probes";
import { readRegistry } from "../registry-file";
import type { LastLook } from "./last-look";
import { type Host, stateAnswer, toldOf } from "./state-answer";
import type { Carried, WriteAhead } from "./write-ahead";

/** What a director made of what is shared. */
export interface Followed {
  readonly answer: ChangeAnswer;
  /** What it cannot hold, in sentences: entries of its kernel that belong to nobody are in the way. */
  readonly conflicts: readonly string[];
}

/** A change that was asked for here and is agreed on, and how the table was when it was weighed. */
export interface OwnChange {
  readonly order: ChangeOrder;
  readonly table: Table;
}

/** Makes what directors share hold here, as far as it may. Whoever calls has the turn. */
export class Follower {
  constructor(
    private readonly parts: {
      readonly kernel: Kernel;
      readonly host: Host;
      readonly pools: Pools;
      readonly last: LastLook;
      readonly changes: WriteAhead;
    },
  ) {}

  /**
   * Entries that belong to nobody are not taken over.
   *
   * @param text what is shared
   * @param leaves what is let go of and stays as it stands
   * @throws NotDurableError, RegistryError
   */
  async follow(
    text: string,
    leaves: readonly Left[],
    own?: OwnChange,
  ): Promise<Followed & Pick<Carried, "unplaced">> {
    const { kernel, host, pools, last, changes } = this.parts;
    const made = own ? [await this.#makeOwn(own)] : [];
    const found = await kernel.read();
    const { registry, conflicts } = withoutStrangers(pools.registry, readRegistry(text), found.table);
    const left = new Set(leaves.map(({ key }) => key));
    const scope = changedKeys(pools.registry, registry).filter((key) => !left.has(key));
    const after = renderRegistry(registry);
    if (after !== pools.text) made.push(await changes.make({ after, scope }, found));
    const held = await kernel.read();
    last.seen = held;
    const told = toldOf(pools, held);
    const state = stateAnswer(host, told, own?.order.predict ?? told.digests);
    const messages = joined(made.map(({ complaint }) => complaint));
    const unplaced = Promise.all(made.map((one) => one.unplaced)).then(joined);
    return { answer: { outcome: "applied", state, messages }, conflicts, unplaced };
  }

  /** Not where somebody has put entries in its place since it was weighed: they were not asked about. */
  async #makeOwn({ order: { registry, scope, desired }, table: weighed }: OwnChange): Promise<Carried> {
    const { kernel, pools, changes } = this.parts;
    const text = await kernel.read();
    const known = registrations(pools.registry);
    const isTaken = (key: string) =>
      !known.has(key) && !isDeepStrictEqual(findService(text.table, key), findService(weighed, key));
    if (scope.some(isTaken)) return { complaint: "", unplaced: Promise.resolve("") };
    const after = joinLines(mergeDelta(registryLines(pools.registry), registry).values());
    return changes.make({ after, scope, desired }, text);
  }
}

/** All words, each once. */
function joined(words: readonly string[]): string {
  return [...new Set(words)].filter((one) => one !== "").join("\n");
}
