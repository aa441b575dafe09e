import type { Logger } from "pino";
import type { Api } from "./api";
import { ApiError, wordsOf } from "./api-errors";
import { pause } from "./backoff";
import { heldLease, LEASE, type LeaseStep, leaseStep, type Observation, observe } from "./lease";
import { leaseObject } from "./objects";

/** Who asks for a Lease, and which. */
export interface LeaderOptions {
  readonly api: Api;
  readonly namespace: string;
  /** The Lease. */
  readonly name: string;
  /** Unlike that of any other replica, and of an earlier life of this one. */
  readonly identity: string;
  readonly log: Logger;
}

/**
 * Sees to it that one replica of several does what only one may do: telling directors. Who has the Lease and loses the API
 * server stays leader, but may write nothing ({@link mayWrite}) until the Lease is renewed: nobody can write then. Only when
 * the server says that somebody else has it does another one lead.
 */
export class Leader {
  readonly #options: LeaderOptions;
  #seen: Observation | undefined;
  #leads = false;
  #renewedMs = Number.NEGATIVE_INFINITY;

  constructor(options: LeaderOptions) {
    this.#options = options;
  }

  /** Whether this replica has the Lease, as far as it knows. */
  get leads(): boolean {
    return this.#leads;
  }

  /** Whether nobody else can have it. */
  get mayWrite(): boolean {
    return this.#leads && performance.now() - this.#renewedMs < LEASE.renewMs;
  }

  /** Takes part until the signal fires, and then lets go of the Lease. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#turn(signal);
      } catch (error) {
        if (signal.aborted) break;
        const words = { event: "lease", error: wordsOf(error) };
        this.#options.log.warn(
          words,
          this.#leads ? "the Lease cannot be renewed" : "the Lease cannot be read",
        );
      }
      await pause(LEASE.retryMs * (0.9 + Math.random() / 5), signal);
    }
    await this.#release();
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { identity } = this.#options;
    const lease = await this.#read(signal);
    const nowMs = performance.now();
    this.#seen = observe(this.#seen, lease, nowMs);
    const step = leaseStep(this.#seen, identity, nowMs);
    if (step === "wait") return this.#lose(lease.spec?.holderIdentity ?? "");
    await this.#write(step, signal).catch((error: unknown) => {
      // Somebody was quicker; the next turn tells who.
      if (!(error instanceof ApiError && error.isConflict)) throw error;
    });
  }

  async #read(signal: AbortSignal) {
    const { api, namespace, name } = this.#options;
    const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    try {
      return leaseObject.parse(await api.request({ method: "GET", path: `${collection}/${name}`, signal }));
    } catch (error) {
      if (!(error instanceof ApiError && error.isMissing)) throw error;
      const body = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name, namespace } };
      return leaseObject.parse(await api.request({ method: "POST", path: collection, body, signal }));
    }
  }

  async #write(step: Exclude<LeaseStep, "wait"> | "release", signal?: AbortSignal): Promise<void> {
    const { api, namespace, name, identity } = this.#options;
    if (this.#seen === undefined) return;
    const begunMs = performance.now();
    const body = heldLease(this.#seen.lease, identity, new Date(), step);
    const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${name}`;
    const written = leaseObject.parse(
      await api.request({ method: "PUT", path, body, ...(signal && { signal }) }),
    );
    this.#seen = { lease: written, sinceMs: performance.now() };
    if (step === "release") return;
    // Counted from before the request: the server may have taken it at once and answered late.
    this.#renewedMs = begunMs;
    if (this.#leads) return;
    this.#leads = true;
    this.#options.log.info({ event: "lead", identity }, "this replica leads");
  }

  #lose(holder: string): void {
    if (!this.#leads) return;
    this.#leads = false;
    this.#options.log.warn({ event: "follow", holder }, "another replica leads");
  }

  /** So that another one need not wait until it has run out. */
  async #release(): Promise<void> {
    if (!this.#leads) return;
    this.#leads = false;
    await this.#write("release", AbortSignal.timeout(LEASE.retryMs)).catch((error: unknown) =>
      this.#options.log.warn({ event: "lease", error: wordsOf(error) }, "the Lease could not be let go"),
    );
  }
}
