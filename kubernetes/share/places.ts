import { MEMBER_LEASES } from "../../spec/kubernetes";
import type { Api } from "../api";
import { ApiError } from "../api-errors";
import { leaseList } from "../objects";
import type { View } from "./division";
import { freeSlot, look, memberLease, othersOf, type Slots } from "./slots";

/** Whose {@link Places} these are. */
export interface PlacesOptions {
  readonly api: Pick<Api, "request">;
  /** Where the Leases are. */
  readonly namespace: string;
  /** The replica, as its Lease names it. */
  readonly identity: string;
  /** A monotonic clock, in ms. */
  readonly nowMs: () => number;
}

/** The Leases of all slots, as one replica has seen them last, and writes its own. */
export class Places {
  readonly #options: PlacesOptions;
  readonly #path: string;
  #seen: Slots = new Map();
  #lookedMs = Number.NEGATIVE_INFINITY;
  readonly #refused = new Set<number>();

  constructor(options: PlacesOptions) {
    this.#options = options;
    this.#path = `/apis/coordination.k8s.io/v1/namespaces/${options.namespace}/leases`;
  }

  /** A slot that may be taken; one that was refused when there is no other. undefined: all are held. */
  free(): number | undefined {
    const find = () => freeSlot(this.#seen, this.#options.identity, this.#options.nowMs(), this.#refused);
    const slot = find();
    if (slot !== undefined || this.#refused.size === 0) return slot;
    this.#refused.clear();
    return find();
  }

  /** Notes that a slot could not be had: others are tried before it is tried again. */
  refuse(slot: number): void {
    this.#refused.add(slot);
  }

  /** Whether a slot's Lease names this replica. */
  isOwn(slot: number): boolean {
    return this.#seen.get(slot)?.lease.spec?.holderIdentity === this.#options.identity;
  }

  /** The other replicas that live, by slot, with what each has published. */
  others(): Map<number, View> {
    return othersOf(this.#seen, this.#options.identity, this.#options.nowMs());
  }

  /** A list that names no version is as fresh as what was written last, through whichever API server. @throws ApiError */
  async look(signal: AbortSignal): Promise<void> {
    const { api, nowMs } = this.#options;
    // All of them: one of our names that somebody else has made has not our label.
    const { items } = leaseList.parse(await api.request({ method: "GET", path: this.#path, signal }));
    const atMs = nowMs();
    this.#seen = look(this.#seen, items ?? [], this.#lookedMs, atMs);
    this.#lookedMs = atMs;
  }

  /**
   * Writes a slot's Lease. @param view nobody: it is let go of
   *
   * @returns whether it is written; not, if somebody else has written it since it was read
   * @throws ApiError
   */
  async hold(slot: number, view: View, signal: AbortSignal): Promise<boolean> {
    const { api, namespace, identity } = this.#options;
    const body = memberLease(namespace, slot, this.#seen, identity, view, new Date());
    const own = `${this.#path}/${MEMBER_LEASES[slot - 1]}`;
    try {
      if (this.#seen.has(slot)) await api.request({ method: "PUT", path: own, body, signal });
      else await api.request({ method: "POST", path: this.#path, body, signal });
      return true;
    } catch (error) {
      if (error instanceof ApiError && (error.isConflict || error.isMissing)) return false;
      throw error;
    }
  }
}
