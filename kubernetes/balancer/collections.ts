import { LOAD_BALANCER_POOL, parsePoolData, SERVICE_NAME } from "../../spec/kubernetes";
import { Following, type FollowingOptions } from "../following";
import type { Reflector } from "../reflector";
import type { NamedPool } from "./addresses";
import { configMapObject, nodeObject, servingSliceObject } from "./objects";
import {
  type BalancedNode,
  type BalancedService,
  balancedNodeOf,
  type KeptService,
  type ServingSlice,
  servingSliceOf,
} from "./service";

/** What {@link BalancerCollections} work with. */
export interface BalancerCollectionsOptions extends FollowingOptions {
  /** All Services; somebody else follows them. */
  readonly services: Reflector<KeptService>;
  /** The only namespace whose slices are looked at; undefined: all. */
  readonly namespace: string | undefined;
  /** Where pools are. */
  readonly poolNamespace: string;
  /** Whether there are directors: without them nothing but Services is looked at, to say so. */
  readonly hasDirectors: boolean;
}

/** Copies of what directors are to be told of: Services of our class, what serves them, nodes, pools. */
export class BalancerCollections {
  readonly #services: Reflector<KeptService>;
  readonly #slices: Reflector<ServingSlice>;
  readonly #nodes: Reflector<BalancedNode>;
  readonly #pools: Reflector<NamedPool>;
  readonly #hasDirectors: boolean;

  constructor({ services, namespace, poolNamespace, hasDirectors, ...shared }: BalancerCollectionsOptions) {
    this.#hasDirectors = hasDirectors;
    const following = new Following(shared);
    const core = { group: "/api/v1" };
    this.#services = services;
    this.#slices = following.of({
      group: "/apis/discovery.k8s.io/v1",
      resource: "endpointslices",
      namespace,
      labelSelector: SERVICE_NAME,
      schema: servingSliceObject,
      content: servingSliceOf,
    });
    this.#nodes = following.of({
      ...core,
      resource: "nodes",
      schema: nodeObject,
      content: balancedNodeOf,
    });
    this.#pools = following.of({
      ...core,
      resource: "configmaps",
      namespace: poolNamespace,
      labelSelector: `${LOAD_BALANCER_POOL}=true`,
      schema: configMapObject,
      content: ({ metadata, data }): NamedPool | undefined => {
        const { value, problems } = parsePoolData(data ?? {});
        for (const { path, reason } of problems)
          following.unreadable(`pool ${metadata.name}: ${path.join(".")}: ${reason}`);
        return problems.length === 0 ? { name: metadata.name, ...value } : undefined;
      },
    });
  }

  get #own(): readonly Reflector<unknown>[] {
    return this.#hasDirectors ? [this.#slices, this.#nodes, this.#pools] : [];
  }

  /** Whether everything has been read once. */
  get isSynced(): boolean {
    return [this.#services, ...this.#own].every(({ synced }) => synced);
  }

  /** How often a collection of these alone has been listed. */
  get lists(): number {
    return this.#own.reduce((sum, { lists }) => sum + lists, 0);
  }

  /** Follows until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#own.map((one) => one.run(signal)));
  }

  get services(): BalancedService[] {
    return values(this.#services).flatMap(({ balanced }) => balanced ?? []);
  }

  get slices(): ServingSlice[] {
    return values(this.#slices);
  }

  get nodes(): BalancedNode[] {
    return values(this.#nodes);
  }

  get pools(): NamedPool[] {
    return values(this.#pools);
  }

  /** Takes over what a write of a Service has brought back. */
  put(name: string, object: unknown): void {
    this.#services.put(name, object);
  }
}

function values<T>(reflector: Reflector<T>): T[] {
  return [...reflector.entries].map(([, value]) => value);
}
