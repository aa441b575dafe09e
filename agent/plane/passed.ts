import * as z from "zod";
import type { EtcdClient } from "./etcd-client";
import type { ChangeEntry, Keys } from "./log-format";

/** Of so many revisions the digest is still known once their entries have gone: some 25 bytes each. */
const PASSED_KEPT = 16_384;

/** Hexadecimal digits of a digest that are kept: two registries have them in common once in 2^48 times. */
const DIGITS = 12;

const block = z.record(z.string().regex(/^\d+$/), z.string());

/**
 * Digests of revisions whose entries were tidied away. By them a director that was away for long is told what it has
 * followed: on another path, of an etcd that was put back and has moved on since, its revision has another digest.
 */
export class Passed {
  constructor(
    private readonly client: Pick<EtcdClient, "range" | "commit">,
    private readonly keys: Keys,
  ) {}

  /** Whether a revision had this digest; undefined: nobody knows any more. Throws PlaneDownError. */
  async had(revision: number, digest: string): Promise<boolean | undefined> {
    const blocks = await this.client.range(this.keys.passed(0), this.keys.passed(revision + 1));
    // They are written one after another, and each begins behind the one before.
    const last = blocks.at(-1)?.value.toString("utf8");
    const digits = last === undefined ? undefined : parsed(last)[revision];
    return digits === undefined ? undefined : digest.startsWith(digits);
  }

  /** Removes entries of the log, and keeps their digests. Nothing where somebody else is doing that. Throws PlaneDownError. */
  async pass(entries: ReadonlyMap<number, ChangeEntry>): Promise<void> {
    const revisions = [...entries.keys()].sort((a, b) => a - b);
    const [first, last] = [revisions[0], revisions.at(-1)];
    if (first === undefined || last === undefined) return;
    const digits = [...entries].map(([revision, { digest }]) => [revision, digest.slice(0, DIGITS)]);
    // Not the one that is being put: etcd takes no key twice in a transaction.
    const oldest = Math.min(first, last - PASSED_KEPT);
    const deletes = [{ from: this.keys.change(0), to: this.keys.change(last + 1) }];
    if (oldest > 0) deletes.push({ from: this.keys.passed(0), to: this.keys.passed(oldest) });
    await this.client.commit([{ key: this.keys.change(first), exists: true }], {
      puts: [{ key: this.keys.passed(first), value: JSON.stringify(Object.fromEntries(digits)) }],
      deletes,
    });
  }
}

function parsed(text: string): Record<string, string> {
  try {
    return block.safeParse(JSON.parse(text)).data ?? {};
  } catch {
    return {};
  }
}
