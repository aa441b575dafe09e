import type { Declared, DeclaredSlice } from "./declared";
import { type MirrorStep, mirrorStep } from "./mirror";
import type { EndpointSliceObject } from "./objects";
import type { Owner, OwnerSays } from "./owner";
import { nameOf, type Subject } from "./subject";

/** What {@link Mirrors} work with. */
export interface MirrorsOptions {
  /** All declarations, as the watches have brought them. */
  readonly declared: () => Iterable<Declared>;
  /** A slice that is there, by its name. */
  readonly subject: (name: string) => Subject | undefined;
  /** Asks the API server what an owner says now; undefined: it is gone. */
  readonly read: (owner: Owner) => Promise<OwnerSays | undefined>;
}

/** A slice that is to be, and who declares it. */
interface Mirror {
  readonly by: Declared;
  readonly slice: DeclaredSlice;
}

/** What the watches say of one slice. */
interface Belief {
  readonly mirror: Mirror | undefined;
  readonly object: EndpointSliceObject | undefined;
  readonly owner: Owner;
}

/** A belief of which the API server has said that it is out of date, and nothing is to be done. */
interface Refuted {
  readonly by: Declared | undefined;
  readonly object: EndpointSliceObject | undefined;
  readonly untilMs: number;
  /** Whose slices are to be there first; when they are, it holds no longer. */
  readonly awaits?: Declared | undefined;
}

/** How long the API server is not asked about the same belief again, in ms: a watch that is late may stay so for a while. */
const REFUTED_MS = 10_000;

/**
 * Slices of ours that declarations make, by the names under which they are written. Declarations and slices come by watches
 * of their own, and a replica that has just taken over may know a slice and not yet its declaration, or an old one. So the
 * watches say only what is to be looked at; what is written follows from the declaration as it is read for this write.
 */
export class Mirrors {
  readonly #options: MirrorsOptions;
  #wanted: ReadonlyMap<string, Mirror> = new Map();
  /** Names of slices that are there and were made of declarations. */
  #there: readonly string[] = [];
  readonly #refuted = new Map<string, Refuted>();

  constructor(options: MirrorsOptions) {
    this.#options = options;
  }

  /**
   * Looks at all declarations again.
   *
   * @param slices those that are there and were made of declarations
   * @returns names of slices that seem not to be as they are to be
   */
  renew(slices: Iterable<string>): string[] {
    const wanted = new Map<string, Mirror>();
    for (const by of this.#options.declared())
      for (const slice of by.slices) wanted.set(sliceKey(by.namespace, slice), { by, slice });
    this.#wanted = wanted;
    this.#there = [...slices];
    for (const name of this.#refuted.keys()) this.#differing(name);
    return [...new Set([...wanted.keys(), ...this.#there])].filter(
      (name) => this.#differing(name) !== undefined,
    );
  }

  /** Whose servers a slice is to name, by its name; undefined: no declaration makes it. */
  declaredFor(name: string): Declared | undefined {
    return this.#wanted.get(name)?.by;
  }

  /**
   * What is to be done about a slice; undefined: nothing, or it is none that declarations make. A slice whose owner is gone
   * is Kubernetes' to collect.
   *
   * @throws ApiError when the declaration cannot be read: nothing is known then, and nothing is to be done
   */
  async step(name: string): Promise<MirrorStep | undefined> {
    const belief = this.#differing(name);
    if (belief === undefined) return undefined;
    const { mirror, object, owner } = belief;
    const says = await this.#options.read(owner);
    const wanted = says && mirrorOf(says, name);
    // Its servers go on in slices that are not there yet: until then it stays.
    const awaits = wanted === undefined && this.#lacks(says?.declared) ? says?.declared : undefined;
    const leaving = wanted && object === undefined ? this.#leaving(wanted.by) : [];
    const step = says && awaits === undefined ? mirrorStep(wanted, object, leaving) : undefined;
    if (step === undefined)
      this.#refuted.set(name, { by: mirror?.by, object, untilMs: performance.now() + REFUTED_MS, awaits });
    return step;
  }

  /** Whether a declaration makes slices that are not there yet. */
  #lacks(by: Declared | undefined): boolean {
    const isThere = (one: DeclaredSlice) =>
      this.#options.subject(sliceKey(by?.namespace ?? "", one)) !== undefined;
    return by !== undefined && !by.slices.every(isThere);
  }

  /** Slices of a declaration that it does not declare any more. */
  #leaving(by: Declared): EndpointSliceObject[] {
    const stay = new Set(by.slices.map((one) => sliceKey(by.namespace, one)));
    return this.#there.flatMap((name) => {
      const subject = stay.has(name) ? undefined : this.#options.subject(name);
      const object = subject && "addressType" in subject.object ? subject.object : undefined;
      return object && subject?.about?.uid === by.uid ? [object] : [];
    });
  }

  /** What the watches say of a slice, where something would have to be done about it, and that is not known to be wrong. */
  #differing(name: string): Belief | undefined {
    const belief = this.#belief(name);
    const refuted = this.#refuted.get(name);
    if (refuted !== undefined) {
      const isSame = refuted.by === belief?.mirror?.by && refuted.object === belief?.object;
      const isHere = refuted.awaits !== undefined && !this.#lacks(refuted.awaits);
      if (isSame && !isHere && performance.now() < refuted.untilMs) return undefined;
      this.#refuted.delete(name);
    }
    return belief && mirrorStep(belief.mirror, belief.object) && belief;
  }

  #belief(name: string): Belief | undefined {
    const subject = this.#options.subject(name);
    const object = subject && "addressType" in subject.object ? subject.object : undefined;
    const mirror = this.#wanted.get(name);
    if (mirror) return { mirror, object, owner: mirror.by };
    const { about, namespace = "" } = subject ?? {};
    if (about === undefined) return undefined;
    const kind = about.kind === "Endpoints" ? "Endpoints" : "EndpointSlice";
    return { mirror, object, owner: { kind, namespace, name: about.name } };
  }
}

/** The name under which a slice is written. */
function sliceKey(namespace: string, { name }: Pick<DeclaredSlice, "name">): string {
  return `EndpointSlice ${nameOf({ namespace, name })}`;
}

function mirrorOf({ declared: by }: OwnerSays, name: string): Mirror | undefined {
  const slice = by?.slices.find((one) => name.endsWith(`/${one.name}`));
  return by && slice && { by, slice };
}
