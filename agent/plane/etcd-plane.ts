import { randomUUID } from "node:crypto";
import type { SharedEtcd } from "../../director/data";
import type { EtcdClient } from "./etcd-client";
import type { Condition, Writes } from "./etcd-transaction";
import { type Checked, checkLog } from "./log-check";
import {
  bytesOf,
  type ChangeEntry,
  entryOf,
  type Head,
  isSnapshotDue,
  joinedBy,
  KEPT_CHANGES,
  Keys,
} from "./log-format";
import { type HeadRead, LogReader } from "./log-reader";
import { Passed } from "./passed";
import {
  type Known,
  type Newest,
  type Plane,
  PlaneDownError,
  PlaneUncertainError,
  type Proposal,
  type Proposed,
  type Shared,
  type Watching,
} from "./plane";
import { digestOf, merged } from "./registry-text";
import { Snapshots } from "./snapshots";

/** How often something is put again where others change what is held at the same time. */
const TRIES = 5;

/** The log in etcd; see log-format.ts for its form. */
export class EtcdPlane implements Plane {
  readonly #keys: Keys;
  readonly #passed: Passed;
  readonly #snapshots: Snapshots;
  readonly #log: LogReader;

  constructor(
    private readonly client: EtcdClient,
    private readonly config: SharedEtcd,
    /** Told what could not be tidied up: what is shared is whole, and it is tried again with a later change. */
    private readonly onUntidy: (error: Error) => void = () => undefined,
  ) {
    this.#keys = new Keys(config.prefix);
    this.#passed = new Passed(client, this.#keys);
    this.#snapshots = new Snapshots(client, this.#keys);
    this.#log = new LogReader(client, config, this.#keys, {
      snapshots: this.#snapshots,
      passed: this.#passed,
    });
  }

  get endpoints(): readonly string[] {
    return this.config.endpoints;
  }

  newest(known?: Known): Promise<Newest | undefined> {
    return this.#log.newest(known);
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
    const { head, modified } = await this.#log.head();
    if (!isSame(head, base)) return { outcome: "overtaken", newest: await this.newest(base) };
    const entry = entryOf(proposal, next.digest);
    const made = await this.#write({ head, modified }, next, entry);
    if (made === undefined) {
      if (await this.#isMade(next, proposal.id)) return { outcome: "accepted", shared: next };
      return { outcome: "overtaken", newest: await this.newest(base) };
    }
    if (isSnapshotDue(made)) await this.#snapshot(next).catch(this.onUntidy);
    return { outcome: "accepted", shared: next };
  }

  async replace(text: string, above: number, history: string): Promise<Shared> {
    for (let tries = 0; tries < TRIES; tries++) {
      const read = await this.#log.anyHead();
      const next: Shared = {
        history: read.head?.history ?? history,
        revision: Math.max(read.head?.revision ?? 0, above) + 1,
        text,
        digest: digestOf(text),
      };
      // By its snapshot alone: what was there before may be what is to be got rid of.
      const entry = { id: randomUUID(), digest: next.digest };
      const put = { restored: next.revision, joined: joinedBy(read.head, history) };
      const isTaken = await this.#write(read, next, entry, put);
      if (isTaken || (await this.#isMade(next, entry.id))) return next;
    }
    throw new PlaneDownError(this.config.endpoints, "others change it all the time");
  }

  /** Whether what is held agrees with itself. Throws PlaneDownError. */
  check(): Promise<Checked> {
    return checkLog(this.#log);
  }

  watch(onHint: () => void): Watching {
    return this.client.watch(this.#keys.head, onHint);
  }

  close(): void {
    this.client.close();
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
    { restored, joined = [] }: Pick<Head, "restored" | "joined"> = head ?? {},
  ): Promise<Head | undefined> {
    const size = Buffer.byteLength(next.text);
    const snapshot =
      head && entry.delta !== undefined
        ? { kept: head.snapshot, made: undefined }
        : { kept: undefined, made: await this.#snapshots.put(next, this.config.endpoints) };
    const made: Head = {
      format: 1,
      ...{ history: next.history, revision: next.revision, digest: next.digest, bytes: size },
      snapshot: snapshot.kept ?? snapshot.made,
      since: snapshot.kept ? (head?.since ?? 0) + bytesOf(entry) : 0,
      ...(restored !== undefined && { restored }),
      ...(joined.length > 0 && { joined }),
    };
    const puts = [
      { key: this.#keys.change(next.revision), value: JSON.stringify(entry) },
      { key: this.#keys.head, value: JSON.stringify(made) },
    ];
    const conditions: Condition[] = [{ key: this.#keys.head, modified }];
    if (snapshot.made) conditions.push(...this.#snapshots.wholeness(snapshot.made));
    const isTaken = await this.#commit(conditions, { puts });
    if (snapshot.made) await this.#tidy(snapshot.made);
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
   * Where a transaction's answer was lost and it was tried again, the first may have been taken: the log knows. Throws
   * PlaneUncertainError where it cannot be asked.
   */
  async #isMade({ revision }: Shared, id: string): Promise<boolean> {
    return this.#log.isOf(revision, id).catch((error: unknown) => {
      if (!(error instanceof PlaneDownError)) throw error;
      throw new PlaneUncertainError(this.config.endpoints, error.reason);
    });
  }

  /** Writes a snapshot of what was just taken, and removes what it stands for. Where somebody else comes first, it is dropped. */
  async #snapshot(shared: Shared): Promise<void> {
    const { head, modified } = await this.#log.head();
    if (head?.revision !== shared.revision || head.digest !== shared.digest) return;
    const snapshot = await this.#snapshots.put(shared, this.config.endpoints);
    const made: Head = { ...head, snapshot, since: 0 };
    const conditions = [{ key: this.#keys.head, modified }, ...this.#snapshots.wholeness(snapshot)];
    await this.client.commit(conditions, { puts: [{ key: this.#keys.head, value: JSON.stringify(made) }] });
    await this.#tidy(snapshot);
  }

  /**
   * Removes what is left over once a head was put that names a snapshot, or was not: all other snapshots, and changes that lie
   * far behind, of which the digests are kept; else this one. Which of the two is so the head alone says: an answer that was lost
   * has been taken for a refusal.
   */
  async #tidy(snapshot: Head["snapshot"]): Promise<void> {
    try {
      for (let tries = 0; tries < TRIES; tries++) {
        const read = await this.#log.head();
        if (!(await this.#snapshots.tidy(snapshot, read))) continue;
        const last = snapshot.revision - KEPT_CHANGES - 1;
        if (read.head?.snapshot.id === snapshot.id && last > 0)
          await this.#passed.pass(await this.#log.entries(0, last));
        return;
      }
    } catch (error) {
      this.onUntidy(error as Error);
    }
  }
}

function isSame(head: Head | undefined, base: Shared | undefined): boolean {
  if (!head || !base) return head === undefined && base === undefined;
  return head.history === base.history && head.revision === base.revision && head.digest === base.digest;
}
