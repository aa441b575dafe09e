import type { Logger } from "pino";
import { LOAD_BALANCER_POOL, parsePoolData, SERVICE_NAME } from "../../spec/kubernetes";
import type { Api } from "../api";
import { wordsOf } from "../api-errors";
import type { Counts } from "../counts";
import { Reflector, reader } from "../reflector";
import { nameOf } from "../subject";
import type { NamedPool } from "./addresses";
import { balancedServiceObject, configMapObject, nodeObject, servingSliceObject } from "./objects";
import {
  type BalancedNode,
  type BalancedService,
  balancedNodeOf,
  balancedServiceOf,
  type ServingSlice,
  servingSliceOf,
} from "./service";

/** What {@link BalancerCollections} work with. */
export interface BalancerCollectionsOptions {
  readonly api: Api;
  readonly log: Logger;
  /** The only namespace whose Services are looked at; undefined: all. */
  readonly namespace: string | undefined;
  /** Where pools are. */
  readonly poolNamespace: string;
  /** Whether there are directors: without them only Services are looked at, to say so. */
  readonly hasDirectors: boolean;
  readonly counts: Counts;
  readonly onChange: () => void;
}

/** Copies of what directors are to be told of: Services of our class, what serves them, nodes, pools. */
export class BalancerCollections {
  readonly #services: Reflector<BalancedService>;
  readonly #slices: Reflector<ServingSlice>;
  readonly #nodes: Reflector<BalancedNode>;
  readonly #pools: Reflector<NamedPool>;
  readonly #hasDirectors: boolean;

  constructor(options: BalancerCollectionsOptions) {
    const { api, log, namespace, poolNamespace, counts, onChange } = options;
    this.#hasDirectors = options.hasDirectors;
    const inNamespace = (place: string | undefined, group: string, resource: string) =>
      place === undefined
        ? `${group}/${resource}`
        : `${group}/namespaces/${encodeURIComponent(place)}/${resource}`;
    const common = (path: string) => ({
      api,
      path,
      onChange,
      onTrouble: (error: unknown) => {
        counts.troubles++;
        log.warn({ event: "watch", path, error: wordsOf(error) }, "following broke off, and goes on");
      },
    });
    const trouble = (words: string) => {
      counts.unreadable++;
      log.error({ event: "unreadable", error: words }, "an object could not be read");
    };
    const name = ({ metadata }: { readonly metadata: { namespace: string; name: string } }) =>
      nameOf(metadata);
    this.#services = new Reflector({
      ...common(inNamespace(namespace, "/api/v1", "services")),
      read: reader(balancedServiceObject, name, balancedServiceOf, trouble),
    });
    this.#slices = new Reflector({
      ...common(inNamespace(namespace, "/apis/discovery.k8s.io/v1", "endpointslices")),
      labelSelector: SERVICE_NAME,
      read: reader(servingSliceObject, name, servingSliceOf, trouble),
    });
    this.#nodes = new Reflector({
      ...common("/api/v1/nodes"),
      read: reader(nodeObject, name, balancedNodeOf, trouble),
    });
    this.#pools = new Reflector({
      ...common(inNamespace(poolNamespace, "/api/v1", "configmaps")),
      labelSelector: `${LOAD_BALANCER_POOL}=true`,
      read: reader(
        configMapObject,
        name,
        ({ metadata, data }): NamedPool | undefined => {
          const { value, problems } = parsePoolData(data ?? {});
          for (const { path, reason } of problems)
            trouble(`pool ${metadata.name}: ${path.join(".")}: ${reason}`);
          return problems.length === 0 ? { name: metadata.name, ...value } : undefined;
        },
        trouble,
      ),
    });
  }

  get #all(): readonly Reflector<unknown>[] {
    return this.#hasDirectors ? [this.#services, this.#slices, this.#nodes, this.#pools] : [this.#services];
  }

  /** Whether everything has been read once. */
  get isSynced(): boolean {
    return this.#all.every(({ synced }) => synced);
  }

  /** Follows until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all.map((one) => one.run(signal)));
  }

  get services(): BalancedService[] {
    return values(this.#services);
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
