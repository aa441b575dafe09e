import { randomUUID } from "node:crypto";
import type { Known, Newest, Plane, Proposal, Proposed, Shared, Watching } from "../../agent/plane/plane";
import { digestOf, merged } from "../../agent/plane/registry-text";

/** What is shared, kept in this process: what a plane promises, with nothing between that can fail. */
export class LocalPlane implements Plane {
  readonly endpoints = [];
  #shared: Shared | undefined;
  readonly #hints = new Set<() => void>();

  /** @param begun undefined: nothing has ever been declared */
  constructor(begun?: Shared) {
    this.#shared = begun;
  }

  async newest(known?: Known): Promise<Newest | undefined> {
    return (
      this.#shared && {
        shared: this.#shared,
        leaves: [],
        isSuccessor: this.#isSuccessor(this.#shared, known),
      }
    );
  }

  async propose(base: Shared | undefined, { delta }: Proposal): Promise<Proposed> {
    const { history, revision = 0, digest } = this.#shared ?? {};
    if (base?.history !== history || (base?.revision ?? 0) !== revision || base?.digest !== digest)
      return { outcome: "overtaken", newest: await this.newest(base) };
    const text = merged(base?.text ?? "", delta);
    if (text === undefined) throw new TypeError("a delta that makes no registry was proposed");
    return { outcome: "accepted", shared: this.#put(text, history ?? randomUUID(), revision + 1) };
  }

  async replace(text: string, above: number, history: string): Promise<Shared> {
    const { history: now = history, revision = 0 } = this.#shared ?? {};
    return this.#put(text, now, Math.max(revision, above) + 1);
  }

  watch(onHint: () => void): Watching {
    this.#hints.add(onHint);
    return { close: () => this.#hints.delete(onHint) };
  }

  close(): void {
    this.#hints.clear();
  }

  #put(text: string, history: string, revision: number): Shared {
    this.#shared = { history, revision, text, digest: digestOf(text) };
    for (const hint of this.#hints) hint();
    return this.#shared;
  }

  #isSuccessor({ history, revision, digest }: Shared, known: Known | undefined): boolean {
    if (known?.history !== history || known.revision > revision) return false;
    return known.revision < revision || known.digest === digest;
  }
}
