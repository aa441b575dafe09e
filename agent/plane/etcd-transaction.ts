import { CompareResult, CompareTarget, type ICompare, type IKeyValue, type IRequestOp } from "etcd3";

/** A key as it is held. */
export interface Held {
  readonly key: string;
  readonly value: Buffer;
  /** etcd's own revision at which it was last put; "0": it is not there. */
  readonly modified: string;
}

/** A condition of a transaction. */
export type Condition =
  /** It was last put at this revision of etcd's; "0": it is not there. */
  | { readonly key: string; readonly modified: string }
  /** It is there. */
  | { readonly key: string; readonly exists: true };

/** What a transaction does when all its conditions hold. */
export interface Writes {
  readonly puts?: readonly {
    readonly key: string;
    readonly value: string | Buffer;
    readonly lease?: string;
  }[];
  /** Ranges: from the first key to the one before the second. */
  readonly deletes?: readonly { readonly from: string; readonly to: string }[];
}

/** A key as etcd tells of it. */
export function heldOf({ key, value, mod_revision }: IKeyValue): Held {
  return { key: key.toString("utf8"), value, modified: mod_revision };
}

/** A condition as etcd takes it. */
export function compareOf(condition: Condition): ICompare {
  const key = Buffer.from(condition.key);
  if ("exists" in condition)
    return { key, target: CompareTarget.Version, result: CompareResult.Greater, version: "0" };
  const { modified } = condition;
  return { key, target: CompareTarget.Mod, result: CompareResult.Equal, mod_revision: modified };
}

/** Writes as etcd takes them: those that put before those that delete. */
export function requestsOf({ puts = [], deletes = [] }: Writes): IRequestOp[] {
  return [
    ...puts.map(({ key, value, lease }) => ({
      request_put: {
        key: Buffer.from(key),
        value: Buffer.from(value),
        ...(lease !== undefined && { lease }),
      },
    })),
    ...deletes.map(({ from, to }) => ({
      request_delete_range: { key: Buffer.from(from), range_end: Buffer.from(to) },
    })),
  ];
}

/** The key behind all that begin with a prefix. */
export function behind(prefix: string): string {
  // Prefixes end with a slash, which is ASCII.
  return `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)}`;
}
