import type { Registry } from "../../director/data";
import { type Dial, runCheck } from "../../health";
import type { Pools } from "../pools";

/** More are not asked, and begin as they are remembered: a descriptor each, while the servers that serve are checked too. */
const ASKED_MAX = 256;

/**
 * Servers that were down when they were taken out, and come back soon after that. A change that lets them in has asked them
 * at their gate, and one that is undone has asked nobody; the two look alike here. So they are asked once, before the change
 * has its turn: who answers begins as well, as everybody does whom a gate has let in, and who does not as it is remembered.
 * Otherwise a pool whose servers are all replaced by such ones would be empty until the checks have found them well.
 */
export class Returning {
  constructor(private readonly parts: { readonly pools: Pick<Pools, "watch">; readonly dial: Dial }) {}

  /**
   * Fails never.
   *
   * @param declared what will be declared; only asked for where any server is remembered. What cannot be read is for whoever
   *   makes the change to tell of
   */
  async ask(declared: () => Registry): Promise<void> {
    const { pools, dial } = this.parts;
    if (!pools.watch.remembersAny) return;
    const probes = [...pools.watch.remembered(readable(declared))].slice(0, ASKED_MAX);
    const { signal } = new AbortController();
    await Promise.all(
      probes.map(async ([name, { check, target }]) => {
        const { healthy } = await runCheck(check, target, dial, signal);
        if (healthy) pools.watch.forget(name);
      }),
    );
  }
}

function readable(declared: () => Registry): Registry | undefined {
  try {
    return declared();
  } catch {
    return undefined;
  }
}
