import type { SharedEtcd } from "../../director/data";
import type { EtcdClient } from "./etcd-client";
import { GoneError } from "./gone-error";
import { type ChangeEntry, type Head, KEPT_CHANGES, type Keys, parseChange, parseHead } from "./log-format";
import type { Passed } from "./passed";
import { type Known, type Left, type Newest, PlaneBrokenError } from "./plane";
import { digestOf, merged } from "./registry-text";
import type { Snapshots } from "./snapshots";

/** How many entries of the log are read at a time: each is small enough for all of them to fit in one answer. */
const PAGE = 8;
/** How often reading begins anew where it is overtaken by writers that tidy up. */
const READS = 5;

/** A head as it was read. */
export interface HeadRead {
  /** undefined: there is none. */
  readonly head: Head | undefined;
  /** etcd's own revision of the key. */
  readonly modified: string;
}

/** Reads the log in etcd: what is shared, from little where little has changed. All of it throws PlaneDownError. */
export class LogReader {
  constructor(
    private readonly client: EtcdClient,
    private readonly config: SharedEtcd,
    private readonly keys: Keys,
    private readonly parts: {
      readonly snapshots: Pick<Snapshots, "read">;
      readonly passed: Pick<Passed, "had">;
    },
  ) {}

  /** What is shared now, as {@link Plane.newest} tells it. Throws PlaneBrokenError. */
  async newest(known?: Known): Promise<Newest | undefined> {
    let reason = "";
    for (let reads = 0; reads < READS; reads++) {
      const { head } = await this.head();
      if (!head) return undefined;
      try {
        return await this.#at(head, known);
      } catch (error) {
        // Whoever writes a snapshot removes the one before.
        if (!(error instanceof GoneError)) throw error;
        reason = error.message;
      }
    }
    throw new PlaneBrokenError(this.config.prefix, reason);
  }

  /** Throws PlaneBrokenError. */
  async head(): Promise<HeadRead> {
    const { isBroken, ...read } = await this.anyHead();
    if (isBroken) throw new PlaneBrokenError(this.config.prefix, "its head is of another version");
    return read;
  }

  /** The same for who is to put another in its place: one that cannot be read is none. */
  async anyHead(): Promise<HeadRead & { readonly isBroken: boolean }> {
    const held = await this.client.get(this.keys.head);
    const head = held && parseHead(held.value.toString("utf8"));
    return { head, modified: held?.modified ?? "0", isBroken: held !== undefined && !head };
  }

  /** The whole registry as of a head: the snapshot, and what has changed since. Throws GoneError, PlaneBrokenError. */
  async whole(head: Head): Promise<string> {
    const { revision } = head.snapshot;
    const base = await this.parts.snapshots.read(head.snapshot);
    if (revision === head.revision) return base;
    const deltas = deltasOf(await this.entries(revision, head.revision), revision, head.revision);
    if (!deltas)
      throw new GoneError(`changes between revisions ${revision} and ${head.revision} are missing`);
    const text = merged(base, deltas.flat());
    if (text === undefined || digestOf(text) !== head.digest)
      throw new GoneError(`the changes up to revision ${head.revision} do not come to its digest`);
    return text;
  }

  /** Entries of the log from one revision up to another, by revision; those that are there, and can be read. */
  async entries(first: number, last: number): Promise<ReadonlyMap<number, ChangeEntry>> {
    const found = new Map<number, ChangeEntry>();
    const to = this.keys.change(last + 1);
    for (let from = this.keys.change(first); ; ) {
      const page = await this.client.range(from, to, PAGE);
      for (const { key, value } of page) {
        const entry = parseChange(value.toString("utf8"));
        if (entry) found.set(Number(key.slice(key.lastIndexOf("/") + 1)), entry);
      }
      const end = page.at(-1);
      if (page.length < PAGE || !end) return found;
      from = `${end.key}\0`;
    }
  }

  /** Whether a revision is the change of a proposal, by its id. */
  async isOf(revision: number, id: string): Promise<boolean> {
    const held = await this.client.get(this.keys.change(revision));
    return held !== undefined && parseChange(held.value.toString("utf8"))?.id === id;
  }

  /** What is shared as of a head. */
  async #at(head: Head, known: Known | undefined): Promise<Newest> {
    const isOwn = known?.history === head.history;
    const isJoined = known !== undefined && head.joined?.includes(known.history) === true;
    const isLater = (isOwn || isJoined) && known.revision <= head.revision;
    const isNear = isLater && isOwn && head.revision - known.revision <= 2 * KEPT_CHANGES;
    const isBehind = isNear && known.revision < head.revision;
    const entries = isBehind ? await this.entries(known.revision, head.revision) : undefined;
    const onTheWay = isLater && (await this.#isOnTheWay(known, entries, head));
    const isSuccessor = onTheWay === true;
    const text = (isSuccessor && onto(known, entries, head)) || (await this.whole(head));
    return {
      shared: { history: head.history, revision: head.revision, text, digest: head.digest },
      leaves: isNear && entries ? leavesOf(entries, known.revision) : [],
      isSuccessor,
      ...(onTheWay === undefined && { isForgotten: true }),
    };
  }

  /** Whether a head has come by way of what was known; undefined: that is not told any more. */
  async #isOnTheWay(
    { history, revision, digest }: Known,
    entries: ReadonlyMap<number, ChangeEntry> | undefined,
    head: Head,
  ): Promise<boolean | undefined> {
    if (revision === head.revision) return digest === head.digest;
    // Whoever put a registry there has decided for all that were before it.
    if (revision < (head.restored ?? 0)) return true;
    if (history !== head.history) return false;
    const entry = entries?.get(revision);
    return entry ? entry.digest === digest : this.parts.passed.had(revision, digest);
  }
}

/** The registry as of a head, made of what was known; undefined: too little is. */
function onto(
  { text, revision, digest }: Known,
  entries: ReadonlyMap<number, ChangeEntry> | undefined,
  head: Head,
): string | undefined {
  if (text === undefined || digest === head.digest) return text;
  const deltas = entries && deltasOf(entries, revision, head.revision);
  const made = deltas && merged(text, deltas.flat());
  return made !== undefined && digestOf(made) === head.digest ? made : undefined;
}

/** The deltas behind one revision up to another; undefined: one of them is not there. */
function deltasOf(
  entries: ReadonlyMap<number, ChangeEntry>,
  after: number,
  upTo: number,
): string[][] | undefined {
  const deltas: string[][] = [];
  for (let revision = after + 1; revision <= upTo; revision++) {
    const delta = entries.get(revision)?.delta;
    if (!delta) return undefined;
    deltas.push(delta);
  }
  return deltas;
}

/** What was let go of, and has not been declared again since. */
function leavesOf(entries: ReadonlyMap<number, ChangeEntry>, after: number): readonly Left[] {
  let left: readonly Left[] = [];
  for (const [revision, { leaves = [], delta = [] }] of entries) {
    if (revision <= after) continue;
    const again = new Set(delta.map((edit) => /^\+service \S+ ([^\t]+)/.exec(edit)?.[1]));
    left = [...left.filter(({ key }) => !again.has(key)), ...leaves];
  }
  return left;
}
