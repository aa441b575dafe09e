import type { Problem } from "../spec";

/** Inputs or outputs of a resource: plain JSON. */
export type Properties = Record<string, unknown>;

/** What `check` found. */
export interface Checked {
  /** In normal form; what the engine stores and shows. */
  readonly inputs: Properties;
  readonly problems: readonly Problem[];
  /** Nothing wrong, but the user should know. */
  readonly warnings: readonly string[];
  /** Warnings that concern the cluster: the same words from several resources of a run are said once. */
  readonly hints?: readonly string[];
}

/** What `diff` found. */
export interface Difference {
  readonly changes: boolean;
  /** Properties whose change makes another resource of it. */
  readonly replaces: readonly string[];
  /** The old one has to go first: the new one would stand in its place. Default false. */
  readonly deleteBeforeReplace?: boolean;
}

/** A resource as it really is. */
export interface Observed {
  readonly inputs: Properties;
  readonly outputs: Properties;
}

/**
 * What one kind of resource does, on plain data. Handlers know nothing of Pulumi's protocol (adapter.ts speaks it).
 * `check` and `diff` use their arguments alone: no network, the same answer on every machine.
 */
export interface ResourceHandler {
  check(inputs: Properties): Checked;
  diff(state: Properties, inputs: Properties): Difference;
  /** @throws InitialisationError when the resource exists now but does not work */
  create(inputs: Properties): Promise<{ readonly id: string; readonly outputs: Properties }>;
  /** undefined: it is gone. */
  read(id: string, state: Properties): Promise<Observed | undefined>;
  /**
   * On failure everything is as it was before.
   *
   * @throws InitialisationError with the state before, when that is not known of every director
   */
  update(id: string, state: Properties, inputs: Properties): Promise<Properties>;
  delete(id: string, state: Properties): Promise<void>;
}

/** The resource exists, but does not work yet or is changed by half: it is kept, and the next `up` tries again. */
export class InitialisationError extends Error {
  override readonly name = "InitialisationError";
  readonly code = "HEYE_INITIALISATION";

  constructor(
    readonly id: string,
    readonly outputs: Properties,
    override readonly cause: Error,
  ) {
    super(cause.message);
  }
}
