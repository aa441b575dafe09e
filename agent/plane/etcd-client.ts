import { setTimeout as delay } from "node:timers/promises";
import { noop } from "cockatiel";
import { Etcd3 } from "etcd3";
import type { SharedEtcd } from "../../director/data";
import { mayPass, reasonOf } from "./etcd-faults";
import { type Condition, compareOf, type Held, heldOf, requestsOf, type Writes } from "./etcd-transaction";
import { watchKey } from "./etcd-watch";
import { PlaneDownError, type Watching } from "./plane";

/** One try at one member. A member that hangs is not told from one that is slow. */
const TRY_MS = 2_500;
/** All tries together: an election of etcd's takes one to two seconds. */
const LIMIT_MS = 10_000;
/** Between two tries: as long as a member that is being elected is asked too early. */
const PAUSE_MS = 200;

/**
 * The few things that are asked of etcd. A call is tried at several members until one answers; that what is read is no older
 * than what anybody was told before is etcd's own promise (its reads are linearizable unless one asks otherwise).
 *
 * All methods throw PlaneDownError when no member answers in time, or etcd refuses.
 */
export class EtcdClient {
  /** One for each member: which of several its client would ask next is left to chance, and may be the one that hangs. */
  readonly #members: readonly [Etcd3, ...Etcd3[]];
  /** Which of them is asked. Not the same one by all directors. */
  #asked: number;
  readonly #watches = new Set<Watching>();

  constructor(private readonly config: SharedEtcd) {
    const [first = "", ...others] = config.endpoints;
    this.#members = [clientOf(first, config), ...others.map((endpoint) => clientOf(endpoint, config))];
    this.#asked = Math.floor(Math.random() * this.#members.length);
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
    const { kvs } = await this.#call((etcd) => etcd.kv.range(request));
    return kvs.map(heldOf);
  }

  /**
   * One transaction.
   *
   * @returns whether its conditions held, and so what it was to do was done
   */
  async commit(conditions: readonly Condition[], writes: Writes): Promise<boolean> {
    const request = { compare: conditions.map(compareOf), success: requestsOf(writes) };
    const { succeeded } = await this.#call((etcd) => etcd.kv.txn(request));
    return succeeded;
  }

  /** Begins a lease. Keys that are put with it go when it is not renewed for so long. */
  async lease(seconds: number): Promise<string> {
    const { ID } = await this.#call((etcd) => etcd.leaseClient.leaseGrant({ TTL: seconds }));
    return ID;
  }

  /** Renews a lease. Returns whether it still was one. */
  renew(lease: string): Promise<boolean> {
    return this.#call(async (etcd) => {
      const stream = await etcd.leaseClient.leaseKeepAlive({ deadline: Date.now() + TRY_MS });
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
    await this.#call((etcd) => etcd.leaseClient.leaseRevoke({ ID: lease }));
  }

  /**
   * Calls back when a key has been put, and whenever the watch has been opened anew: meanwhile it may have been. It asks for
   * nothing that lies behind, so that no compaction can be in its way. Without an end, until it is closed.
   */
  watch(key: string, onHint: () => void): Watching {
    const ending = new AbortController();
    const watching = { close: () => ending.abort() };
    this.#watches.add(watching);
    const members = { now: () => this.#member, turnFrom: (member: Etcd3) => this.#turnFrom(member) };
    void watchKey(members, key, onHint, ending.signal).finally(() => this.#watches.delete(watching));
    return watching;
  }

  close(): void {
    for (const watching of this.#watches) watching.close();
    for (const member of this.#members) member.close();
  }

  get #member(): Etcd3 {
    return this.#members[this.#asked] ?? this.#members[0];
  }

  /** The next one is asked from now on, unless somebody else has seen to that already. */
  #turnFrom(member: Etcd3): void {
    if (member === this.#member) this.#asked = (this.#asked + 1) % this.#members.length;
  }

  /** Tries one member after another until one answers, or it is clear that none will. */
  async #call<T>(ask: (member: Etcd3) => Promise<T>): Promise<T> {
    const end = performance.now() + LIMIT_MS;
    for (let tries = 1; ; tries++) {
      const member = this.#member;
      try {
        return await ask(member);
      } catch (error) {
        const isRefused = !mayPass(error);
        if (!isRefused) this.#turnFrom(member);
        if (isRefused || performance.now() + PAUSE_MS > end)
          throw new PlaneDownError(this.config.endpoints, reasonOf(error), isRefused && tries === 1);
        await delay(PAUSE_MS);
      }
    }
  }
}

function clientOf(endpoint: string, { tls, auth }: SharedEtcd): Etcd3 {
  return new Etcd3({
    hosts: [endpoint],
    ...(tls && { credentials: credentialsOf(tls) }),
    ...(auth && { auth: { username: auth.user, password: auth.password ?? "" } }),
    defaultCallOptions: ({ isStream }) => (isStream ? {} : { deadline: Date.now() + TRY_MS }),
    // A member that stands still, or a cable that was pulled, ends nothing by itself.
    grpcOptions: {
      "grpc.keepalive_time_ms": 10_000,
      "grpc.keepalive_timeout_ms": 5_000,
      "grpc.max_reconnect_backoff_ms": 2_000,
    },
    faultHandling: { global: noop, host: () => noop },
  });
}

function credentialsOf({ ca, cert, key }: NonNullable<SharedEtcd["tls"]>) {
  return {
    // Without any, those that Node brings along are trusted.
    rootCertificate: (ca === undefined ? null : Buffer.from(ca)) as Buffer,
    ...(key !== undefined &&
      cert !== undefined && { privateKey: Buffer.from(key), certChain: Buffer.from(cert) }),
  };
}
