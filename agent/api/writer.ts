import {
  type Basis,
  BusyError,
  canonicalJson,
  findRegistration,
  knownTable,
  type Registry,
  remaining,
} from "../../director/data";
import { describeEdit, plan } from "../../ipvs";
import { Turns } from "../turns";
import { type Declarations, type Declared, desiredTable } from "./declarations";
import { type Entrant, entrants, type Gate } from "./gate";
import { ROUNDS } from "./limits";

/** What an edit is computed from: what is declared, with what edits before it have made. */
export interface EditBasis extends Basis {
  /** What was declared before the first of them, and its revision. */
  readonly first: Registry;
  readonly revision: string;
}

/** One change to one virtual server, as a pure function. */
export interface Edit {
  /** Key of the virtual server: nothing else is touched. */
  readonly key: string;
  /** @throws ApiProblem, DirectorError when it may not be made */
  readonly apply: (basis: EditBasis) => Registry;
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

/**
 * Makes edits of what is declared: all of them, or none. Servers that they let in are asked before anything is changed
 * (docs/decisions/0002). Writers of the API wait for each other; when somebody else changes the director meanwhile,
 * the edits are worked out anew.
 */
export class Writer {
  readonly #turns = new Turns();

  constructor(
    private readonly declarations: Declarations,
    private readonly gate: Gate,
    private readonly director: string,
  ) {}

  /**
   * @param signal fires when the client has gone: what has not begun by then does not begin
   * @throws GateError, ApiProblem, DirectorError: nothing was changed; other errors as in {@link Declarations}
   */
  async write(edits: readonly Edit[], signal: AbortSignal): Promise<Written> {
    const asked = new Set<string>();
    for (let round = 0; round < ROUNDS; round++) {
      const step = await this.#turns.take(() => this.#attempt(edits, asked, signal));
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
    const after = applied(basis, edits);
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

  async #attempt(edits: readonly Edit[], asked: ReadonlySet<string>, signal: AbortSignal): Promise<Step> {
    const basis = await this.declarations.read();
    const after = applied(basis, edits);
    const scope = scopeOf(basis.registry, after, edits);
    const unasked = entrants(basis, after, scope).filter(({ key }) => !asked.has(key));
    if (unasked.length > 0) return { unasked };
    signal.throwIfAborted();
    const before = basis.registry;
    if (scope.size === 0)
      return { written: { before, after: before, revision: basis.revision, messages: "" } };
    const { outcome, revision, messages } = await this.declarations.declare(basis, after, scope);
    return outcome === "changed" ? "changed" : { written: { before, after, revision, messages } };
  }
}

/** Each edit sees what those before it have made. */
function applied(basis: Declared, edits: readonly Edit[]): Registry {
  return edits.reduce((registry, { key, apply }) => {
    const table = remaining(basis, registry, key);
    const { director, revision } = basis;
    return apply({ director, registry, table, first: basis.registry, revision });
  }, basis.registry);
}

/** Virtual servers that differ afterwards. */
function scopeOf(before: Registry, after: Registry, edits: readonly Edit[]): Set<string> {
  const text = (registry: Registry, key: string) =>
    canonicalJson(findRegistration(registry, key)?.registration ?? null);
  const differs = (key: string) => text(before, key) !== text(after, key);
  return new Set(edits.map(({ key }) => key).filter(differs));
}
