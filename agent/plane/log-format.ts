/**
 * The log below a prefix of etcd, as data:
 *
 *     PREFIX/head               revision, digest and snapshot: what is shared now
 *     PREFIX/changes/N          what revision N changed
 *     PREFIX/passed/N           digests of revisions from N on whose changes are gone (see passed.ts)
 *     PREFIX/snapshot/ID/I      the whole registry as of one revision, in chunks
 *     PREFIX/directors/NAME     what a director that is alive has applied (see presence.ts)
 *
 * A change is one transaction, if `head` is still what was read: so it is taken whole or not at all whatever its size,
 * it costs the bytes of what changed, and two writers cannot both win.
 */
import * as z from "zod";
import { parseJson } from "../json";
import type { Left, Proposal } from "./plane";

/** etcd takes requests of up to 1.5 MiB by default, and gRPC answers of up to 4 MiB. */
export const CHUNK_BYTES = 512 * 1024;

/** A delta that is larger is kept as a snapshot: several are read at a time. */
export const DELTA_MAX_BYTES = 256 * 1024;

/** Changes that are kept behind a snapshot: by them a director that was away sees that it was on the same path. */
export const KEPT_CHANGES = 256;

/** After so many changes a snapshot is written, however small they are. */
const SNAPSHOT_EVERY = 256;

/** Deltas that together are larger than the registry, and than this, are not worth being read one by one. */
const SNAPSHOT_BYTES = 64 * 1024;

/** Histories that one has joined, and that are remembered: each is an etcd that was emptied. */
const JOINED_MAX = 16;

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const revision = z.int().min(1);

const head = z.object({
  format: z.literal(1),
  history: z.string().min(1),
  revision,
  digest,
  /** Of the whole registry's text. */
  bytes: z.int().min(0),
  snapshot: z.object({ id: z.string().min(1), revision, chunks: z.int().min(0), digest }),
  /** Bytes of the deltas since the snapshot. */
  since: z.int().min(0),
  /** The last revision at which somebody put a whole registry in the place of what was held; absent: nobody has. */
  restored: revision.optional(),
  /** Histories that this one goes on with since then: they had been followed by directors when another one was begun. */
  joined: z.array(z.string()).readonly().optional(),
});

const change = z.object({
  id: z.string().min(1),
  /** Of the registry once it is made. */
  digest,
  /** Absent: it was too large, and is in a snapshot alone. */
  delta: z.array(z.string().regex(/^[+-][^\n]*$/)).optional(),
  leaves: z.array(z.object({ key: z.string(), member: z.string().optional() })).optional(),
});

/** What is shared now. */
export type Head = z.output<typeof head>;
/** What one revision changed. */
export type ChangeEntry = z.output<typeof change>;

/** Reads `head`. Returns undefined when it is none of this version. */
export function parseHead(text: string): Head | undefined {
  return head.safeParse(parseJson(text)).data;
}

/** Reads an entry of the log. Returns undefined when it is none of this version. */
export function parseChange(text: string): ChangeEntry | undefined {
  return change.safeParse(parseJson(text)).data;
}

/** The entry of a proposal. */
export function entryOf({ id, delta, leaves }: Proposal, after: string): ChangeEntry {
  const entry = {
    id,
    digest: after,
    delta: [...delta],
    ...(leaves.length > 0 && { leaves: leaves.map(asLeft) }),
  };
  const { delta: _, ...without } = entry;
  return bytesOf(entry) > DELTA_MAX_BYTES ? without : entry;
}

function asLeft({ key, member }: Left) {
  return { key, ...(member !== undefined && { member }) };
}

/** How many bytes an entry takes. */
export function bytesOf(entry: ChangeEntry): number {
  return Buffer.byteLength(JSON.stringify(entry));
}

/** Whether the deltas since the last snapshot are not worth being read one by one any more. */
export function isSnapshotDue({ revision: now, snapshot, since, bytes }: Head): boolean {
  return now - snapshot.revision >= SNAPSHOT_EVERY || since > Math.max(bytes, SNAPSHOT_BYTES);
}

/** The histories that a head's goes on with once somebody who has followed `history` has put a registry there. */
export function joinedBy(head: Head | undefined, history: string): readonly string[] {
  const joined = new Set(head?.joined ?? []);
  if (head && head.history !== history) joined.add(history);
  return [...joined].slice(-JOINED_MAX);
}

/** A text in pieces that etcd takes. */
export function chunksOf(text: string): Buffer[] {
  const whole = Buffer.from(text);
  const chunks: Buffer[] = [];
  for (let at = 0; at < whole.length; at += CHUNK_BYTES) chunks.push(whole.subarray(at, at + CHUNK_BYTES));
  return chunks;
}

/** The keys of a cluster. Revisions are written with zeros before them, so that etcd's order is theirs. */
export class Keys {
  constructor(private readonly prefix: string) {}

  get head(): string {
    return `${this.prefix}/head`;
  }

  change(revision: number): string {
    return `${this.prefix}/changes/${String(revision).padStart(16, "0")}`;
  }

  passed(revision: number): string {
    return `${this.prefix}/passed/${String(revision).padStart(16, "0")}`;
  }

  chunk(snapshot: string, index: number): string {
    return `${this.prefix}/snapshot/${snapshot}/${String(index).padStart(6, "0")}`;
  }

  /** All chunks of one snapshot, or (undefined) of all. */
  snapshots(snapshot?: string): string {
    return `${this.prefix}/snapshot/${snapshot === undefined ? "" : `${snapshot}/`}`;
  }

  director(name: string): string {
    return `${this.directors}${name}`;
  }

  get directors(): string {
    return `${this.prefix}/directors/`;
  }
}
