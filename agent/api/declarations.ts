import {
  type Basis,
  type ChangeOrder,
  type Digests,
  desiredService,
  findRegistration,
  parseRegistry,
  type Registry,
  readTableText,
  registeredMembers,
  registryDelta,
  registryLines,
  type StateAnswer,
} from "../../director/data";
import { findService, type Table } from "../../ipvs";
import type { Declaring } from "../declaring";

/** What is declared at one moment, and what a change of it is conditional on. */
export interface Declared extends Basis {
  /** SHA-256 of the registry's file: the revision. */
  readonly revision: string;
  readonly digests: Digests;
}

/** What became of a change. */
export interface Declaration {
  /** `changed`: something else is declared by now, and nothing was done. */
  readonly outcome: "applied" | "changed";
  readonly revision: string;
  /** What the kernel's tools complained of; empty: nothing. */
  readonly messages: string;
}

/**
 * Where the API reads what is declared, and writes it. The one seam between the API and whoever keeps the declared state
 * of a director or of a cluster.
 */
export interface Declarations {
  /** What is declared, as it was last known: cheap, for those who only look. */
  readonly view: { readonly registry: Registry; readonly revision: string };
  /** What is declared now, as far as it is known here, with the table it stands for, to compute a change from. */
  read(): Promise<Declared>;
  /**
   * The same, and surely no older than the question: a refusal goes by it, and that nothing is to be done.
   *
   * @throws PlaneDownError, NotFollowingError: others have a part in it, and cannot be asked
   */
  newest(): Promise<Declared>;
  /**
   * Declares `after` in place of what the change was computed from: whole, or not at all.
   *
   * @param scope keys of the virtual servers that differ
   * @param isExact not where anything has changed meanwhile, be it something else
   * @throws NotDurableError: nothing was declared; any other error: it is declared, and made as soon as it can be
   */
  declare(
    before: Declared,
    after: Registry,
    scope: ReadonlySet<string>,
    isExact?: boolean,
  ): Promise<Declaration>;
}

/** Nobody can read the registry that the agent itself tells. */
class UnreadableError extends Error {
  override readonly name = "UnreadableError";

  constructor() {
    super("the agent told a registry that it cannot read");
  }
}

/** What is declared on one director, kept by its agent. */
export class KeeperDeclarations implements Declarations {
  #known: Declared | undefined;

  /** @param director its name, in errors */
  constructor(
    private readonly keeper: Declaring,
    private readonly director: string,
  ) {}

  get view() {
    const { pools, revision } = this.keeper.view;
    return { registry: pools.registry, revision };
  }

  read(): Promise<Declared> {
    return this.#told((known) => this.keeper.state(known));
  }

  newest(): Promise<Declared> {
    const { keeper } = this;
    return this.#told((known) => (keeper.newest ? keeper.newest(known) : keeper.state(known)));
  }

  async #told(ask: (known: Digests) => Promise<StateAnswer>): Promise<Declared> {
    const known = this.#known;
    const answer = await ask(known?.digests ?? { registry: "-", table: "-" });
    const registry = answer.registry === undefined ? known?.registry : parseRegistry(answer.registry);
    const text = answer.table === undefined ? known : readTableText(answer.table);
    if (!registry || !text) throw new UnreadableError();
    const { director } = this;
    const declared = { director, registry, table: text.table, digests: answer.digests };
    this.#known = { ...declared, revision: answer.digests.registry };
    return this.#known;
  }

  async declare(
    before: Declared,
    after: Registry,
    scope: ReadonlySet<string>,
    isExact = false,
  ): Promise<Declaration> {
    const order: ChangeOrder = {
      expect: before.digests,
      predict: { registry: "-", table: "-" },
      registry: registryDelta(registryLines(before.registry), registryLines(after)),
      scope: [...scope],
      desired: desiredTable(before, after, scope),
    };
    const { outcome, state, messages } = await this.keeper.change(order, isExact);
    return { outcome, messages, revision: state.digests.registry };
  }
}

/** The virtual servers of a scope as they are declared; one that is not any more is missing. */
export function desiredTable(
  { registry, table }: Pick<Declared, "registry" | "table">,
  after: Registry,
  scope: ReadonlySet<string>,
): Table {
  return [...scope].flatMap((key) => {
    const wanted = findRegistration(after, key)?.registration;
    return wanted ? [desiredService(wanted, findService(table, key), registeredMembers(registry, key))] : [];
  });
}
