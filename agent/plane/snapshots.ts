import { randomUUID } from "node:crypto";
import type { EtcdClient } from "./etcd-client";
import { behind, type Condition } from "./etcd-transaction";
import { GoneError } from "./gone-error";
import { chunksOf, type Head, type Keys } from "./log-format";
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
   * Removes all others, those that were never put to use among them. Who is writing one at this moment finds it gone, and
   * begins anew. Throws PlaneDownError.
   */
  async keepOnly({ id }: Snapshot): Promise<void> {
    const [all, kept] = [this.keys.snapshots(), this.keys.snapshots(id)];
    const deletes = [
      { from: all, to: kept },
      { from: behind(kept), to: behind(all) },
    ];
    await this.client.commit([], { deletes });
  }

  /** Removes one that was written in vain. */
  async drop({ id }: Snapshot): Promise<void> {
    const chunks = this.keys.snapshots(id);
    await this.client.commit([], { deletes: [{ from: chunks, to: behind(chunks) }] }).catch(() => undefined);
  }
}
