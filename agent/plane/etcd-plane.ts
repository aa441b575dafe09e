import { randomUUID } from "node:crypto";
import type { SharedEtcd } from "../../director/data";
import { behind, type Condition, type EtcdClient, type Writes } from "./etcd-client";
import {
  bytesOf,
  type ChangeEntry,
  chunksOf,
  entryOf,
  type Head,
  isSnapshotDue,
  KEPT_CHANGES,
  Keys,
  parseChange,
  parseHead,
} from "./log-format";
import { Passed } from "./passed";
import {
  type Known,
  type Left,
  type Newest,
  type Plane,
  PlaneBrokenError,
  PlaneDownError,
  PlaneUncertainError,
  type Proposal,
  type Proposed,
  type Shared,
  type Watching,
} from "./plane";
import { digestOf, merged } from "./registry-text";

/** How many entries of the log are read at a time: each is small enough for all of them to fit in one answer. */
const PAGE = 8;
/** How often reading begins anew where it is overtaken by writers that tidy up. */
const READS = 5;
/** Chunks of a snapshot at most: each is a condition of a transaction, and etcd allows 128. 50 MB of registry. */
const CHUNKS_MAX = 100;

interface HeadRead {
  readonly head: Head | undefined;
  /** etcd's own revision of the key. */
  readonly modified: string;
}

/** What a look at the log came to. */
export interface Checked {
  /** undefined: nothing. `snapshot` is a revision, `since` the bytes of the changes behind it. */
  readonly held:
    | {
        readonly revision: number;
        readonly digest: string;
        readonly bytes: number;
        readonly snapshot: number;
        readonly changes: number;
        readonly since: number;
      }
    | undefined;
  /** In sentences. */
  readonly faults: readonly string[];
}

/** The log in etcd; see log-format.ts for its form. */
export class EtcdPlane implements Plane {
  readonly #keys: Keys;
  readonly #passed: Passed;

  constructor(
    private readonly client: EtcdClient,
    private readonly config: SharedEtcd,
  ) {
    this.#keys = new Keys(config.prefix);
    this.#passed = new Passed(client, this.#keys);
  }

  get endpoints(): readonly string[] {
    return this.config.endpoints;
  }

  async newest(known?: Known): Promise<Newest | undefined> {
    let reason = "";
    for (let reads = 0; reads < READS; reads++) {
      const { head } = await this.#head();
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

  async propose(base: Shared | undefined, proposal: Proposal): Promise<Proposed> {
    const text = merged(base?.text ?? "", proposal.delta);
    if (text === undefined) throw new TypeError("a delta that makes no registry was proposed");
    const next: Shared = {
      history: base?.history ?? randomUUID(),
      revision: (base?.revision ?? 0) + 1,
      text,
      digest: digestOf(text),
    };
    const { head, modified } = await this.#head();
    if (!isSame(head, base)) return { outcome: "overtaken", newest: await this.newest(base) };
    const entry = entryOf(proposal, next.digest);
    const made = await this.#write({ head, modified }, next, entry);
    if (made === undefined) return this.#settled(base, next, proposal.id);
    if (isSnapshotDue(made)) await this.#snapshot(next).catch(() => undefined);
    return { outcome: "accepted", shared: next };
  }

  async replace(text: string, above: number, history: string): Promise<Shared> {
    for (let tries = 0; tries < READS; tries++) {
      const read = await this.#head();
      const next: Shared = {
        history: read.head?.history ?? history,
        revision: Math.max(read.head?.revision ?? 0, above) + 1,
        text,
        digest: digestOf(text),
      };
      // By its snapshot alone: what was there before may be what is to be got rid of.
      const entry = { id: randomUUID(), digest: next.digest };
      if (await this.#write(read, next, entry, next.revision)) return next;
    }
    throw new PlaneDownError(this.config.endpoints, "others change it all the time");
  }

  /** Whether what is held agrees with itself. Throws PlaneDownError. */
  async check(): Promise<Checked> {
    const { head } = await this.#head();
    if (!head) return { held: undefined, faults: ["it holds nothing"] };
    const { revision, digest, bytes, snapshot, since } = head;
    const faults: string[] = [];
    await this.#whole(head).catch((error: unknown) => {
      if (!(error instanceof GoneError)) throw error;
      faults.push(error.message);
    });
    const entries = await this.#entries(0, revision);
    for (let at = snapshot.revision + 1; at <= revision; at++)
      if (!entries.has(at)) faults.push(`the change of revision ${at} is missing`);
    const held = { revision, digest, bytes, snapshot: snapshot.revision, changes: entries.size, since };
    return { held, faults };
  }

  watch(onHint: () => void): Watching {
    return this.client.watch(this.#keys.head, onHint);
  }

  close(): void {
    this.client.close();
  }

  async #head(): Promise<HeadRead> {
    const held = await this.client.get(this.#keys.head);
    if (!held) return { head: undefined, modified: "0" };
    const head = parseHead(held.value.toString("utf8"));
    if (!head) throw new PlaneBrokenError(this.config.prefix, "its head is of another version");
    return { head, modified: held.modified };
  }

  /** What is shared as of a head. */
  async #at(head: Head, known: Known | undefined): Promise<Newest> {
    const isLater = known?.history === head.history && known.revision <= head.revision;
    const isNear = isLater && head.revision - known.revision <= 2 * KEPT_CHANGES;
    const isBehind = isNear && known.revision < head.revision;
    const entries = isBehind ? await this.#entries(known.revision, head.revision) : undefined;
    const onTheWay = isLater && (await this.#isOnTheWay(known, entries, head));
    const isSuccessor = onTheWay === true;
    const whole = (isSuccessor && this.#onto(known, entries, head)) || (await this.#whole(head));
    return {
      shared: { history: head.history, revision: head.revision, text: whole, digest: head.digest },
      leaves: known && entries ? leavesOf(entries, known.revision) : [],
      isSuccessor,
      ...(onTheWay === undefined && { isForgotten: true }),
    };
  }

  /** Whether a head has come by way of what was known; undefined: that is not told any more. */
  async #isOnTheWay(
    { revision, digest }: Known,
    entries: ReadonlyMap<number, ChangeEntry> | undefined,
    head: Head,
  ): Promise<boolean | undefined> {
    if (revision === head.revision) return digest === head.digest;
    // Whoever put a registry there has decided for all that were before it.
    if (revision < (head.restored ?? 0)) return true;
    const entry = entries?.get(revision);
    return entry ? entry.digest === digest : this.#passed.had(revision, digest);
  }

  /** The registry as of a head, made of what was known; undefined: too little is. */
  #onto(
    { text, revision, digest }: Known,
    entries: ReadonlyMap<number, ChangeEntry> | undefined,
    head: Head,
  ): string | undefined {
    if (text === undefined || digest === head.digest) return text;
    const deltas = entries && deltasOf(entries, revision, head.revision);
    const made = deltas && merged(text, deltas.flat());
    return made !== undefined && digestOf(made) === head.digest ? made : undefined;
  }

  /** The whole registry as of a head: the snapshot, and what has changed since. */
  async #whole(head: Head): Promise<string> {
    const { id, revision, chunks, digest } = head.snapshot;
    const parts: Buffer[] = [];
    for (let index = 0; index < chunks; index++) {
      const part = await this.client.get(this.#keys.chunk(id, index));
      if (!part) throw new GoneError(`chunk ${index} of snapshot ${id} is missing`);
      parts.push(part.value);
    }
    const base = Buffer.concat(parts).toString("utf8");
    if (digestOf(base) !== digest) throw new GoneError(`snapshot ${id} is not what its digest says`);
    if (revision === head.revision) return base;
    const deltas = deltasOf(await this.#entries(revision, head.revision), revision, head.revision);
    if (!deltas)
      throw new GoneError(`changes between revisions ${revision} and ${head.revision} are missing`);
    const text = merged(base, deltas.flat());
    if (text === undefined || digestOf(text) !== head.digest)
      throw new GoneError(`the changes up to revision ${head.revision} do not come to its digest`);
    return text;
  }

  /** Entries of the log from one revision up to another, those that are there. */
  async #entries(first: number, last: number): Promise<ReadonlyMap<number, ChangeEntry>> {
    const found = new Map<number, ChangeEntry>();
    const to = this.#keys.change(last + 1);
    for (let from = this.#keys.change(first); ; ) {
      const page = await this.client.range(from, to, PAGE);
      for (const { key, value } of page) {
        const entry = parseChange(value.toString("utf8"));
        if (!entry) throw new PlaneBrokenError(this.config.prefix, `${key} is of another version`);
        found.set(Number(key.slice(key.lastIndexOf("/") + 1)), entry);
      }
      const end = page.at(-1);
      if (page.length < PAGE || !end) return found;
      from = `${end.key}\0`;
    }
  }

  /**
   * One transaction: a new head, with its change.
   *
   * @returns the head; undefined: another one had been put
   * @throws PlaneDownError: surely not; PlaneUncertainError
   */
  async #write(
    { head, modified }: HeadRead,
    next: Shared,
    entry: ChangeEntry,
    restored = head?.restored,
  ): Promise<Head | undefined> {
    const size = Buffer.byteLength(next.text);
    const snapshot =
      head && entry.delta !== undefined
        ? { kept: head.snapshot, made: undefined }
        : { kept: undefined, made: await this.#putChunks(next) };
    const made: Head = {
      format: 1,
      ...{ history: next.history, revision: next.revision, digest: next.digest, bytes: size },
      snapshot: snapshot.kept ?? snapshot.made,
      since: snapshot.kept ? (head?.since ?? 0) + bytesOf(entry) : 0,
      ...(restored !== undefined && { restored }),
    };
    const puts = [
      { key: this.#keys.change(next.revision), value: JSON.stringify(entry) },
      { key: this.#keys.head, value: JSON.stringify(made) },
    ];
    const conditions: Condition[] = [{ key: this.#keys.head, modified }];
    if (snapshot.made) conditions.push(...this.#allChunks(snapshot.made));
    const isTaken = await this.#commit(conditions, { puts });
    if (snapshot.made) await (isTaken ? this.#tidy(made) : this.#drop(snapshot.made));
    return isTaken ? made : undefined;
  }

  /** Like the client's, but what may have happened and what cannot have are told apart. */
  async #commit(conditions: readonly Condition[], writes: Writes): Promise<boolean> {
    try {
      return await this.client.commit(conditions, writes);
    } catch (error) {
      if (!(error instanceof PlaneDownError) || error.isCertain) throw error;
      throw new PlaneUncertainError(this.config.endpoints, error.reason);
    }
  }

  /**
   * Where a transaction's answer was lost and it was tried again, the first may have been taken: the log knows.
   */
  async #settled(base: Shared | undefined, next: Shared, id: string): Promise<Proposed> {
    const held = await this.client.get(this.#keys.change(next.revision));
    const isOurs = held !== undefined && parseChange(held.value.toString("utf8"))?.id === id;
    if (isOurs) return { outcome: "accepted", shared: next };
    return { outcome: "overtaken", newest: await this.newest(base) };
  }

  /** Writes a snapshot of what was just taken, and removes what it stands for. Where somebody else comes first, it is dropped. */
  async #snapshot(shared: Shared): Promise<void> {
    const { head, modified } = await this.#head();
    if (head?.revision !== shared.revision || head.digest !== shared.digest) return;
    const snapshot = await this.#putChunks(shared);
    const made: Head = { ...head, snapshot, since: 0 };
    const conditions = [{ key: this.#keys.head, modified }, ...this.#allChunks(snapshot)];
    const isTaken = await this.client.commit(conditions, {
      puts: [{ key: this.#keys.head, value: JSON.stringify(made) }],
    });
    await (isTaken ? this.#tidy(made) : this.#drop(snapshot));
  }

  async #putChunks({ text, revision, digest }: Shared): Promise<Head["snapshot"]> {
    const id = randomUUID();
    const chunks = chunksOf(text);
    if (chunks.length > CHUNKS_MAX)
      throw new PlaneDownError(
        this.config.endpoints,
        `a registry of ${Buffer.byteLength(text)} bytes is too large`,
      );
    for (const [index, value] of chunks.entries())
      await this.client.commit([], { puts: [{ key: this.#keys.chunk(id, index), value }] });
    return { id, revision, chunks: chunks.length, digest };
  }

  /** Whoever tidies up may take for left over what is only being written. */
  #allChunks({ id, chunks }: Head["snapshot"]): Condition[] {
    return Array.from(
      { length: chunks },
      (_, index) => ({ key: this.#keys.chunk(id, index), exists: true }) as const,
    );
  }

  /**
   * Removes all other snapshots, those that were never put to use among them, and changes that lie far behind. Who is writing
   * one at this moment finds it gone, and begins anew.
   */
  async #tidy({ snapshot: { id, revision } }: Head): Promise<void> {
    const [all, kept] = [this.#keys.snapshots(), this.#keys.snapshots(id)];
    const deletes = [
      { from: all, to: kept },
      { from: behind(kept), to: behind(all) },
    ];
    const last = revision - KEPT_CHANGES - 1;
    await this.client
      .commit([], { deletes })
      .then(async () => last > 0 && this.#passed.pass(await this.#entries(0, last)))
      .catch(() => undefined);
  }

  /** Removes a snapshot that was written in vain. */
  async #drop({ id }: Head["snapshot"]): Promise<void> {
    const chunks = this.#keys.snapshots(id);
    await this.client.commit([], { deletes: [{ from: chunks, to: behind(chunks) }] }).catch(() => undefined);
  }
}

/** What was to be read has been removed meanwhile, or never was whole. */
class GoneError extends Error {}

function isSame(head: Head | undefined, base: Shared | undefined): boolean {
  if (!head || !base) return head === undefined && base === undefined;
  return head.history === base.history && head.revision === base.revision && head.digest === base.digest;
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

function leavesOf(entries: ReadonlyMap<number, ChangeEntry>, after: number): Left[] {
  return [...entries].flatMap(([revision, { leaves = [] }]) => (revision > after ? leaves : []));
}
