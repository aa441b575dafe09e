import { secretNameOf } from "./annotations";
import type { Followed } from "./checks";
import type { Declared } from "./declared";
import type { Secrets } from "./secrets";
import { nameOf, type Subject, type SubjectService, subjectKey } from "./subject";
import { type Surroundings, type Wanted, wantedOf } from "./wanted";

/** What is worked out of one object, and of what. */
interface Memo {
  readonly surroundings: Surroundings;
  readonly wanted: Wanted;
}

/** Where objects are found. */
export interface Sources {
  /** All objects that are this replica's to look after, by their {@link subjectKey}. */
  readonly subjects: () => Iterable<readonly [string, Subject]>;
  /** A Service by namespace and name. */
  readonly service: (name: string) => SubjectService | undefined;
  /** The declaration that an object was made of, by its {@link subjectKey}. */
  readonly declaredFor: (name: string) => Pick<Declared, "problems"> | undefined;
  readonly secrets: Pick<Secrets, "get" | "forget">;
}

/** All objects that are looked after, with what is asked of their servers: worked out anew only for those that have changed. */
export class Population {
  readonly #sources: Sources;
  readonly #memos = new WeakMap<Subject, Memo>();
  #followed: ReadonlyMap<string, Followed> = new Map();

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  /** As of the last {@link renew}. */
  get followed(): ReadonlyMap<string, Followed> {
    return this.#followed;
  }

  /**
   * Looks at everything again.
   *
   * @returns names of objects that are new or not as they were, and of those that are gone
   */
  renew(): { readonly changed: readonly string[]; readonly gone: readonly string[] } {
    const before = this.#followed;
    const after = new Map<string, Followed>();
    const changed: string[] = [];
    this.#sources.secrets.forget();
    for (const [name, subject] of this.#sources.subjects()) {
      const wanted = this.wantedOf(subject);
      if (wanted === undefined) continue;
      const known = before.get(name);
      const isSame = known?.subject === subject && known.wanted === wanted;
      after.set(name, isSame ? known : { subject, wanted });
      if (!isSame) changed.push(name);
    }
    this.#followed = after;
    return { changed, gone: [...before.keys()].filter((name) => !after.has(name)) };
  }

  /** Whether anybody would be sent to an object's servers. */
  hasService(subject: Subject): boolean {
    return this.#serviceOf(subject) !== undefined;
  }

  /** What is asked of an object's servers; undefined: it has no Service. */
  wantedOf(subject: Subject): Wanted | undefined {
    const service = this.#serviceOf(subject);
    if (service === undefined) return undefined;
    const secret = this.#sources.secrets.get(subject.namespace, secretNameOf(subject.annotations));
    const declaredProblems = this.#sources.declaredFor(subjectKey(subject))?.problems;
    const surroundings = { service, ...secret, declaredProblems };
    const memo = this.#memos.get(subject);
    if (memo && isSame(memo.surroundings, surroundings)) return memo.wanted;
    const wanted = wantedOf(subject, surroundings);
    this.#memos.set(subject, { surroundings, wanted });
    return wanted;
  }

  #serviceOf({ namespace, service }: Subject): SubjectService | undefined {
    return service === undefined ? undefined : this.#sources.service(nameOf({ namespace, name: service }));
  }
}

function isSame(a: Surroundings, b: Surroundings): boolean {
  return (
    a.service === b.service &&
    a.secret === b.secret &&
    a.secretProblem === b.secretProblem &&
    String(a.declaredProblems ?? "") === String(b.declaredProblems ?? "")
  );
}
