import { randomUUID } from "node:crypto";
import type { EtcdClient } from "./etcd-client";
import { behind, type Condition } from "./etcd-transaction";
import { GoneError } from "./gone-error";
import { chunksOf, type Head, type Keys } from "./log-format";
import type { HeadRead } from "./log-reader";
import { PlaneDownError, type Shared } from "./plane";
import { digestOf } from "./registry-text";

/** Chunks of a snapshot at most: each is a condition of a transaction, and etcd allows 128. 50 MB of registry. */
const CHUNKS_MAX = 100;

/** A whole registry as of one revision: where its chunks are. A head names the one that counts. */
export type Snapshot = Head["snapshot"];

/** The whole registry in chunks, written before a head names it and removed when none does any more. */
export class Snapshots {
  constructor(
    private readonly client: EtcdClient,
    private readonly keys: Keys,
  ) {}

  /** The registry's text. Throws GoneError, PlaneDownError. */
  async read({ id, chunks, digest }: Snapshot): Promise<string> {
    const parts: Buffer[] = [];
    for (let index = 0; index < chunks; index++) {
      const part = await this.client.get(this.keys.chunk(id, index));
      if (!part) throw new GoneError(`chunk ${index} of snapshot ${id} is missing`);
      parts.push(part.value);
    }
    const text = Buffer.concat(parts).toString("utf8");
    if (digestOf(text) !== digest) throw new GoneError(`snapshot ${id} is not what its digest says`);
    return text;
  }

  /**
   * Writes one, which nobody goes by yet.
   *
   * @param endpoints where etcd is, for the error
   * @throws PlaneDownError
   */
  async put({ text, revision, digest }: Shared, endpoints: readonly string[]): Promise<Snapshot> {
    const id = randomUUID();
    const chunks = chunksOf(text);
    if (chunks.length > CHUNKS_MAX)
      throw new PlaneDownError(endpoints, `a registry of ${Buffer.byteLength(text)} bytes is too large`);
    for (const [index, value] of chunks.entries())
      await this.client.commit([], { puts: [{ key: this.keys.chunk(id, index), value }] });
    return { id, revision, chunks: chunks.length, digest };
  }

  /** That one is there whole: whoever tidies up may take for left over what is only being written. */
  wholeness({ id, chunks }: Snapshot): Condition[] {
    return Array.from(
      { length: chunks },
      (_, index) => ({ key: this.keys.chunk(id, index), exists: true }) as const,
    );
  }

  /**
   * Removes what no head names: all other snapshots where this one is named, else this one. Whoever is writing one at this
   * moment finds it gone, and begins anew. Throws PlaneDownError.
   *
   * @param read on condition that this is the head still: by another one the snapshot that counts may be another
   * @returns whether it was
   */
  tidy({ id }: Snapshot, { head, modified }: HeadRead): Promise<boolean> {
    const [all, own] = [this.keys.snapshots(), this.keys.snapshots(id)];
    const others = [
      { from: all, to: own },
      { from: behind(own), to: behind(all) },
    ];
    const deletes = head?.snapshot.id === id ? others : [{ from: own, to: behind(own) }];
    return this.client.commit([{ key: this.keys.head, modified }], { deletes });
  }
}
