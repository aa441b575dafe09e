/** What the directors of a cluster share, as of one revision. */
export interface Shared {
  /** Which history the revision is one of: random, given when the first director began it. */
  readonly history: string;
  /** Counted by one from change to change. */
  readonly revision: number;
  /** The registry, as the text of its file. */
  readonly text: string;
  /** SHA-256 of the text. */
  readonly digest: string;
}

/** The same by name alone, and with the text where that is at hand. */
export type Known = Omit<Shared, "text"> & Partial<Pick<Shared, "text">>;

/**
 * What a change lets go of and does not take away, because it had been taken over from nobody: a whole virtual server, or
 * (with `member`) one real server of it.
 */
export interface Left {
  /** By `virtualServerKey`. */
  readonly key: string;
  /** By `realServerKey`. */
  readonly member?: string | undefined;
}

/** A change that is to be taken whole or not at all. */
export interface Proposal {
  /** Random: by it a proposal whose answer was lost is known again. */
  readonly id: string;
  /** What to put into the registry (`+LINE`) and what to take out (`-IDENTITY`); see director/registry-format.ts. */
  readonly delta: readonly string[];
  readonly leaves: readonly Left[];
}

/** What is shared now, seen from what was known. */
export interface Newest {
  readonly shared: Shared;
  /** What was let go of since then, as far as that is still told. */
  readonly leaves: readonly Left[];
  /**
   * Whether it has come from what was known: of the same history, no older, and through that revision as it was known; or
   * somebody has put a registry in the place of all that was there before.
   */
  readonly isSuccessor: boolean;
  /** How the revision that was known had been is not told any more: so it may be a successor, and counts as none. */
  readonly isForgotten?: boolean;
}

/** What became of a proposal. */
export type Proposed =
  | { readonly outcome: "accepted"; readonly shared: Shared }
  /** Something else had been taken before it; it was not. `newest` is undefined where nothing is held any more. */
  | { readonly outcome: "overtaken"; readonly newest: Newest | undefined };

/**
 * Where the directors of a cluster agree on what is declared. It holds one registry and counts its revisions; each change is
 * conditional on the revision that it was made from. What a director forwards by is its own file: losing the plane loses
 * nothing but the means to agree on something new.
 */
export interface Plane {
  /** Where it is, for people; none: here. */
  readonly endpoints: readonly string[];
  /**
   * What is shared now; undefined: it has never held anything, or lost it.
   *
   * @throws PlaneDownError, PlaneBrokenError
   */
  newest(known?: Known): Promise<Newest | undefined>;
  /**
   * Makes a change of what was read, unless something else has come first.
   *
   * @param base undefined: the history begins with this
   * @throws PlaneDownError: nothing was changed; PlaneUncertainError: it may have been taken, or be taken later
   */
  propose(base: Shared | undefined, proposal: Proposal): Promise<Proposed>;
  /**
   * Puts a whole registry in the place of whatever is held, as a revision newer than any that is known of. Who has followed
   * what is held, or `history`, follows it.
   *
   * @param above a revision that some director has applied
   * @param history the one that was followed; to go on with where none is held
   * @throws PlaneDownError, PlaneUncertainError
   */
  replace(text: string, above: number, history: string): Promise<Shared>;
  /** Calls back soon after something may have changed. It may miss changes, and call without any: whoever watches also looks. */
  watch(onHint: () => void): Watching;
  close(): void;
}

/** Something that is watched until it is closed. */
export interface Watching {
  close(): void;
}

/** What is shared cannot be read or changed now. Nothing was changed. */
export class PlaneDownError extends Error {
  constructor(
    readonly endpoints: readonly string[],
    readonly reason: string,
    /** It was refused outright, and not asked before: what was to be done has surely not been done. */
    readonly isCertain = false,
  ) {
    super(
      `etcd (${endpoints.join(", ")}) cannot be used: ${reason}. Forwarding and health checks go on; nothing new can be declared until it can.`,
    );
    this.name = "PlaneDownError";
  }
}

/** A change was proposed, and it is not known whether it was taken. */
export class PlaneUncertainError extends Error {
  constructor(endpoints: readonly string[], reason: string) {
    super(
      `etcd (${endpoints.join(", ")}) gave no answer to a change (${reason}): it may have taken it, or may take it yet; then every director follows it. Run \`pulumi up --refresh\` when etcd answers again.`,
    );
    this.name = "PlaneUncertainError";
  }
}

/** What is held does not agree with itself: it is not followed. */
export class PlaneBrokenError extends Error {
  constructor(prefix: string, reason: string) {
    super(
      `what etcd holds below ${prefix} does not agree with itself (${reason}): it is not followed. Put a registry back with \`/var/lib/heye/agent/heye-agent store restore FILE\`.`,
    );
    this.name = "PlaneBrokenError";
  }
}
