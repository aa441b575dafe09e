import {
  type Basis,
  BusyError,
  canonicalJson,
  findRegistration,
  GroupCommit,
  knownTable,
  placementFaults,
  type Registry,
  remaining,
  renderRegistry,
  sha256,
} from "../../director/data";
import { describeEdit, plan } from "../../ipvs";
import { type Declarations, type Declared, desiredTable } from "./declarations";
import { type Entrant, entrants, type Gate } from "./gate";
import { ROUNDS } from "./limits";
import { notApplied } from "./problem";

/** What an edit is computed from: what is declared, with what edits before it have made. */
export interface EditBasis extends Basis {
  /** What was declared before the first of them, and its revision. */
  readonly first: Registry;
  readonly revision: () => string;
}

/** One change to one virtual server, as a pure function. */
export interface Edit {
  /** Key of the virtual server: nothing else is touched. */
  readonly key: string;
  /** @throws ApiProblem, DirectorError when it may not be made */
  readonly apply: (basis: EditBasis) => Registry;
  /** It is made of all that is declared as it was then: not where anything else has changed meanwhile. */
  readonly isExact?: boolean;
}

/** What edits came to. */
export interface Written {
  readonly before: Registry;
  readonly after: Registry;
  readonly revision: string;
  /** What the kernel's tools complained of; empty: nothing. */
  readonly messages: string;
}

/** What edits would come to. */
export interface Plan {
  readonly before: Registry;
  readonly after: Registry;
  /** What the plan was computed from. */
  readonly revision: string;
  /** Edits of the kernel's table, in sentences. */
  readonly edits: readonly string[];
  /** Servers that would be asked before. */
  readonly gate: readonly Entrant[];
}

/** A step of a write: done, or something has to be done before the next one. */
type Step = { readonly written: Written } | { readonly unasked: readonly Entrant[] } | "changed";

/** A write on its way, and who waits for its next step. */
interface Job {
  readonly edits: readonly Edit[];
  /** Who has been asked, by the keys of {@link Entrant}. */
  readonly asked: ReadonlySet<string>;
  readonly signal: AbortSignal;
  readonly resolve: (step: Step) => void;
  readonly reject: (error: unknown) => void;
}

/** What a job comes to in its group. */
interface Accepted {
  readonly job: Job;
  readonly before: Registry;
  readonly after: Registry;
}

/**
 * Makes edits of what is declared: all of them, or none. Servers that they let in are asked before anything is changed
 * (docs/decisions/0002). Writes that come while one is made leave together, since each costs the disk a few waits; one that
 * may not be made harms no other. When somebody else changes the director meanwhile, they are worked out anew.
 */
export class Writer {
  readonly #groups = new GroupCommit<Job>((jobs) => this.#commit(jobs));

  constructor(
    private readonly declarations: Declarations,
    private readonly gate: Gate,
    private readonly director: string,
  ) {}

  /**
   * @param signal fires when the client has gone: what has not begun by then does not begin
   * @throws GateError, ApiProblem, DirectorError: nothing was changed; ApiProblem with the code HEYE_NOT_APPLIED: it is declared, and
   *   does not hold yet; other errors as in {@link Declarations}
   */
  async write(edits: readonly Edit[], signal: AbortSignal): Promise<Written> {
    const asked = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      const step = await new Promise<Step>((resolve, reject) =>
        this.#groups.submit({ edits, asked, signal, resolve, reject }),
      );
      if (step === "changed") continue;
      if ("written" in step) return step.written;
      await this.gate.ask(step.unasked, signal);
      for (const { key } of step.unasked) asked.add(key);
    }
    const reason = `others kept changing what is declared: ${ROUNDS} times this change had to be worked out anew`;
    throw new BusyError(this.director, reason);
  }

  /** What {@link write} would do now. Changes nothing, and asks nobody. */
  async plan(edits: readonly Edit[]): Promise<Plan> {
    const basis = await this.declarations.read();
    const after = applied(basis, basis.registry, edits);
    const scope = scopeOf(basis.registry, after, edits);
    const desired = desiredTable(basis, after, scope);
    return {
      before: basis.registry,
      after,
      revision: basis.revision,
      edits: plan(knownTable(basis, scope), desired, scope).map(describeEdit),
      gate: entrants(basis, after, scope),
    };
  }

  /** Settles each job of a group. */
  async #commit(jobs: readonly Job[]): Promise<void> {
    try {
      // What is refused, or stands so already, is never agreed on with anybody: it goes by this alone.
      const basis = await this.declarations.newest();
      const { accepted, after } = accept(basis, jobs);
      const edits = accepted.flatMap(({ job }) => job.edits);
      const scope = scopeOf(basis.registry, after, edits);
      const declared =
        scope.size === 0
          ? ({ outcome: "applied", revision: basis.revision, messages: "" } as const)
          : await this.declarations
              .declare(
                basis,
                after,
                scope,
                edits.some(({ isExact }) => isExact),
              )
              .catch((error: unknown) => ({ error }));
      const complaint = "error" in declared || declared.messages === "" ? undefined : declared.messages;
      const now = complaint === undefined ? undefined : await this.declarations.read();
      for (const one of accepted) {
        if ("error" in declared) one.job.reject(declared.error);
        else if (declared.outcome === "changed") one.job.resolve("changed");
        else {
          const refused = now && complaint ? refusedOf(now, one.job.edits, complaint) : [];
          if (refused.length > 0) one.job.reject(notApplied(declared.revision, refused, declared.messages));
          else one.job.resolve({ written: { ...one, ...declared } });
        }
      }
    } catch (error) {
      for (const job of jobs) job.reject(error);
    }
  }
}

/**
 * What of edits does not hold though it is declared. A complaint is about all that was made together, and may be another one's.
 *
 * @param now what is declared and what holds, after they were made
 */
function refusedOf(now: Declared, edits: readonly Edit[], complaint: string): readonly string[] {
  const keys = new Set(edits.map(({ key }) => key));
  const lacking = plan(knownTable(now, keys), desiredTable(now, now.registry, keys), keys).map(describeEdit);
  const unplaced = [...keys].flatMap((key) =>
    placementFaults(complaint, findRegistration(now.registry, key)?.registration.address),
  );
  return [...lacking, ...unplaced];
}

/** Works jobs out one after another; those that may not be made, or have somebody asked before, are settled at once. */
function accept(
  basis: Declared,
  jobs: readonly Job[],
): { readonly accepted: readonly Accepted[]; readonly after: Registry } {
  const accepted: Accepted[] = [];
  let registry = basis.registry;
  for (const job of jobs) {
    try {
      job.signal.throwIfAborted();
      const after = applied(basis, registry, job.edits);
      const unasked = entrants({ ...basis, registry }, after, scopeOf(registry, after, job.edits)).filter(
        ({ key }) => !job.asked.has(key),
      );
      if (unasked.length > 0) {
        job.resolve({ unasked });
        continue;
      }
      accepted.push({ job, before: registry, after });
      registry = after;
    } catch (error) {
      job.reject(error);
    }
  }
  return { accepted, after: registry };
}

/** Each edit sees what those before it have made. */
function applied(basis: Declared, first: Registry, edits: readonly Edit[]): Registry {
  const revision = () => (first === basis.registry ? basis.revision : sha256(renderRegistry(first)));
  return edits.reduce((registry, { key, apply }) => {
    const table = remaining(basis, registry, key);
    return apply({ director: basis.director, registry, table, first, revision });
  }, first);
}

/** Virtual servers that differ afterwards. */
function scopeOf(before: Registry, after: Registry, edits: readonly Edit[]): Set<string> {
  const registered = (registry: Registry, key: string) => findRegistration(registry, key)?.registration;
  const differs = (key: string) => {
    const [old, next] = [registered(before, key), registered(after, key)];
    return old !== next && canonicalJson(old ?? null) !== canonicalJson(next ?? null);
  };
  return new Set(edits.map(({ key }) => key).filter(differs));
}
