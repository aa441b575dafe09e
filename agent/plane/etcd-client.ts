import { setTimeout as delay } from "node:timers/promises";
import { isBrokenCircuitError, noop } from "cockatiel";
import {
  CompareResult,
  CompareTarget,
  Etcd3,
  type ICompare,
  type IKeyValue,
  type IRequestOp,
  isRecoverableError,
} from "etcd3";
import type { SharedEtcd } from "../../director/data";
import { PlaneDownError, type Watching } from "./plane";

/** One try at one member. A member that hangs is not told from one that is slow. */
const TRY_MS = 2_500;
/** All tries together: an election of etcd's takes one to two seconds. */
const LIMIT_MS = 8_000;
/** Between two tries: as long as a member that is being elected is asked too early. */
const PAUSE_MS = 200;
/** How long until a watch that broke is opened again: at first, and at most. */
const BACKOFF_MS = { first: 200, most: 10_000 } as const;

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

/**
 * The few things that are asked of etcd. A call is tried at several members until one answers; that what is read is no older
 * than what anybody was told before is etcd's own promise (its reads are linearizable unless one asks otherwise).
 *
 * All methods throw PlaneDownError when no member answers in time, or etcd refuses.
 */
export class EtcdClient {
  readonly #etcd: Etcd3;
  readonly #watches = new Set<Watching>();

  constructor(private readonly config: SharedEtcd) {
    const { endpoints, tls, auth } = config;
    this.#etcd = new Etcd3({
      hosts: [...endpoints],
      ...(tls && { credentials: credentialsOf(tls) }),
      ...(auth && { auth: { username: auth.user, password: auth.password ?? "" } }),
      defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + TRY_MS }),
      // A member that stands still, or a cable that was pulled, ends nothing by itself.
      grpcOptions: {
        "grpc.keepalive_time_ms": 10_000,
        "grpc.keepalive_timeout_ms": 5_000,
        "grpc.max_reconnect_backoff_ms": 2_000,
      },
      faultHandling: { global: noop },
    });
  }

  /** One key; undefined: it is not there. */
  async get(key: string): Promise<Held | undefined> {
    const [found] = await this.range(key, undefined, 1);
    return found;
  }

  /**
   * Keys in their order.
   *
   * @param to the key behind the last one; undefined: `from` alone
   */
  async range(from: string, to: string | undefined, limit = 0): Promise<Held[]> {
    const request = {
      key: Buffer.from(from),
      ...(to !== undefined && { range_end: Buffer.from(to) }),
      limit,
    };
    const { kvs } = await this.#call(() => this.#etcd.kv.range(request));
    return kvs.map(heldOf);
  }

  /**
   * One transaction.
   *
   * @returns whether its conditions held, and so what it was to do was done
   */
  async commit(conditions: readonly Condition[], writes: Writes): Promise<boolean> {
    const request = { compare: conditions.map(compareOf), success: requestsOf(writes) };
    const { succeeded } = await this.#call(() => this.#etcd.kv.txn(request));
    return succeeded;
  }

  /** Begins a lease. Keys that are put with it go when it is not renewed for so long. */
  async lease(seconds: number): Promise<string> {
    const { ID } = await this.#call(() => this.#etcd.leaseClient.leaseGrant({ TTL: seconds }));
    return ID;
  }

  /** Renews a lease. Returns whether it still was one. */
  renew(lease: string): Promise<boolean> {
    return this.#call(async () => {
      const stream = await this.#etcd.leaseClient.leaseKeepAlive({ deadline: Date.now() + TRY_MS });
      try {
        return await new Promise<boolean>((resolve, reject) => {
          stream.on("data", ({ TTL }) => resolve(TTL !== "0"));
          stream.on("error", reject);
          stream.on("end", () => reject(new Error("the stream of a lease has ended")));
          stream.write({ ID: lease });
        });
      } finally {
        // Not cancelled: the client would take that for a failure of the member, and cut all that is under way there.
        stream.end();
      }
    });
  }

  /** Ends a lease, and the keys with it. */
  async revoke(lease: string): Promise<void> {
    await this.#call(() => this.#etcd.leaseClient.leaseRevoke({ ID: lease }));
  }

  /**
   * Calls back when a key has been put, and whenever the watch has been opened anew: meanwhile it may have been. It asks for
   * nothing that lies behind, so that no compaction can be in its way. Without an end, until it is closed.
   */
  watch(key: string, onHint: () => void): Watching {
    const ending = new AbortController();
    const watching = { close: () => ending.abort() };
    this.#watches.add(watching);
    void this.#watch(key, onHint, ending.signal).finally(() => this.#watches.delete(watching));
    return watching;
  }

  close(): void {
    for (const watching of this.#watches) watching.close();
    this.#etcd.close();
  }

  async #watch(key: string, onHint: () => void, signal: AbortSignal): Promise<void> {
    let pause: number = BACKOFF_MS.first;
    while (!signal.aborted) {
      const opened = await this.#watchOnce(key, onHint, signal).catch(() => false);
      pause = opened ? BACKOFF_MS.first : Math.min(pause * 2, BACKOFF_MS.most);
      // Not all at the same moment, when a member comes back.
      await delay(pause * (0.5 + Math.random()), undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  /** Resolves when the watch has ended, to whether it had been opened. */
  async #watchOnce(key: string, onHint: () => void, signal: AbortSignal): Promise<boolean> {
    const stream = await this.#etcd.watchClient.watch();
    let opened = false;
    const ended = new Promise<boolean>((resolve) => {
      const end = () => resolve(opened);
      stream.on("data", ({ created, canceled, events }) => {
        if (canceled) return end();
        opened ||= created;
        if (created || events.length > 0) onHint();
      });
      stream.on("error", end);
      stream.on("end", end);
      signal.addEventListener("abort", end, { once: true });
    });
    stream.write({ create_request: { key: Buffer.from(key) } });
    try {
      return await ended;
    } finally {
      stream.end();
    }
  }

  /** Tries until a member answers, or it is clear that none will. */
  async #call<T>(ask: () => Promise<T>): Promise<T> {
    const end = performance.now() + LIMIT_MS;
    for (let tries = 1; ; tries++) {
      try {
        return await ask();
      } catch (error) {
        const isRefused = !mayPass(error);
        if (isRefused || performance.now() + PAUSE_MS > end)
          throw new PlaneDownError(this.config.endpoints, reasonOf(error), isRefused && tries === 1);
        await delay(PAUSE_MS);
      }
    }
  }
}

/** Failures of one member, or of a cluster that is electing its leader. etcd's own refusals (no permission, no space) stay. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (isRecoverableError(error) || isBrokenCircuitError(error)) return true;
  return /timed out|no leader|leader changed|too many requests|stopped|stream of a lease|not capable/.test(
    error.message,
  );
}

/** The first line, without gRPC's decorations. */
function reasonOf(error: unknown): string {
  const words = error instanceof Error ? error.message || error.name : String(error);
  return (words.split("\n", 1)[0] ?? "").replace(/^\d+ [A-Z_]+: /, "").slice(0, 300);
}

function credentialsOf({ ca, cert, key }: NonNullable<SharedEtcd["tls"]>) {
  return {
    // Without any, those that Node brings along are trusted.
    rootCertificate: (ca === undefined ? null : Buffer.from(ca)) as Buffer,
    ...(key !== undefined &&
      cert !== undefined && { privateKey: Buffer.from(key), certChain: Buffer.from(cert) }),
  };
}

function heldOf({ key, value, mod_revision }: IKeyValue): Held {
  return { key: key.toString("utf8"), value, modified: mod_revision };
}

function compareOf(condition: Condition): ICompare {
  const key = Buffer.from(condition.key);
  if ("exists" in condition)
    return { key, target: CompareTarget.Version, result: CompareResult.Greater, version: "0" };
  const { modified } = condition;
  return { key, target: CompareTarget.Mod, result: CompareResult.Equal, mod_revision: modified };
}

function requestsOf({ puts = [], deletes = [] }: Writes): IRequestOp[] {
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
