import type { Declared, DeclaredSlice } from "./declared";
import { type MirrorStep, mirrorStep } from "./mirror";
import { nameOf, type Subject } from "./subject";

/** A slice that is to be, and who declares it. */
interface Mirror {
  readonly by: Declared;
  readonly slice: DeclaredSlice;
}

/** Slices of ours that declarations make, by the names under which they are written. */
export class Mirrors {
  readonly #declared: () => Iterable<Declared>;
  readonly #subject: (name: string) => Subject | undefined;
  #wanted: ReadonlyMap<string, Mirror> = new Map();

  /**
   * @param declared all declarations there are
   * @param subject a slice that is there, by its name
   */
  constructor(declared: () => Iterable<Declared>, subject: (name: string) => Subject | undefined) {
    this.#declared = declared;
    this.#subject = subject;
  }

  /**
   * Looks at all declarations again.
   *
   * @param slices those that are there and were made of declarations
   * @returns names of slices that are not as they are to be
   */
  renew(slices: Iterable<string>): string[] {
    const wanted = new Map<string, Mirror>();
    for (const by of this.#declared())
      for (const slice of by.slices)
        wanted.set(`EndpointSlice ${nameOf({ namespace: by.namespace, name: slice.name })}`, { by, slice });
    this.#wanted = wanted;
    return [...new Set([...wanted.keys(), ...slices])].filter((name) => this.step(name) !== undefined);
  }

  /** What is to be done about a slice; undefined: nothing, or it is none that declarations make. */
  step(name: string): MirrorStep | undefined {
    const subject = this.#subject(name);
    const object = subject && "addressType" in subject.object ? subject.object : undefined;
    const wanted = this.#wanted.get(name);
    if (wanted === undefined && subject?.about === undefined) return undefined;
    return mirrorStep(wanted, object);
  }
}
