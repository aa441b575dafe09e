import type { Service } from "../ipvs";
import type { Basis } from "./refusal";
import type { Registration, Registry } from "./registry";

/**
 * One resource's change to one virtual server, as pure functions. Changes of several resources to one virtual server may
 * travel together and fail apart, so each touches, and undoes, its own part alone.
 */
export interface Change {
  /** Key of the virtual server: nothing else is touched. */
  readonly key: string;
  /** Key of the real server, when the change concerns one member of the pool alone. */
  readonly member?: string;
  /**
   * Given what a director holds, what it is to hold.
   *
   * @throws ForeignEntryError, OwnedElsewhereError when that would touch what is not the actor's
   */
  readonly apply: (basis: Basis) => Registry;
  /** The change that takes this one back, given what was registered before it. */
  readonly undo: (before: Registration | undefined) => Change;
  /**
   * What is to stand on a director where this change lets go of the virtual server, or (with `member`) of that member of
   * it, and nobody owns it any more. Default: nothing.
   */
  readonly leaves?: (director: string) => Service | undefined;
  /**
   * Whether the change lets in a server that a director has lost (see `lostServers`). A change writes the whole virtual server:
   * those that it does not let in get no connections by it. Default: none is let in.
   */
  readonly admits?: (director: string, member: string) => boolean;
}

/** What a change may take for its own, beyond what is registered, and what it does with what it lets go. */
export interface Manner {
  /** The state says the resource exists: an entry that lost its registration is that one, not a stranger's. */
  readonly known: boolean;
  /** Directors, by name, of which the state does not say so: what belongs to nobody there is a stranger's. Default: none. */
  readonly strangeOn?: ReadonlySet<string>;
  /** The user says that what belongs to nobody is to be taken over. */
  readonly adopts?: boolean;
  /** `drain`: what leaves stays registered for now, and takes no new connections. Default `go`. */
  readonly leaving?: "drain" | "go";
  /** How long the connections of a server that leaves may go on, by its key, for an agent to see to. */
  readonly drainMsOf?: ((server: string) => number) | undefined;
  /**
   * What is left in a separate pool of the inline one before it, and no RealServer has claimed. `stay`: the pool is
   * turning, perhaps not for the first time, and the claims are to come. Default `go`, once a claimed one is in service.
   */
  readonly unclaimed?: "stay" | "go";
}

/** Whether an entry on a director that lost its registration may be taken for the resource's own. */
export function isKnownOn({ known, strangeOn }: Manner, director: string): boolean {
  return known && !strangeOn?.has(director);
}

/** The change of what is to stay as it is. */
export function nothing(key: string): Change {
  return { key, apply: ({ registry }) => registry, undo: () => nothing(key) };
}
