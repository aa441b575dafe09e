import { DECLARED_FOR, MANAGED_BY, MANAGER } from "../spec/kubernetes";
import { balancedServiceObject, type KeptService, keptServiceOf } from "./balancer";
import { type Declared, declaredByEndpoints, declaredBySlice } from "./declared";
import { Following, type FollowingOptions } from "./following";
import { endpointSliceObject, endpointsObject } from "./objects";
import type { Reflector } from "./reflector";
import { nameOf, type Subject, subjectOfEndpoints, subjectOfSlice } from "./subject";

/** What {@link Collections} work with. */
export interface CollectionsOptions extends FollowingOptions {
  /** undefined: all namespaces. */
  readonly namespace: string | undefined;
  /** Told after each change of a Service, besides. */
  readonly onService: () => void;
}

/** Copies of the objects of a cluster that concern us: all Services, annotated Endpoints, slices with our label, declarations. */
export class Collections {
  /** All Services: one copy for whoever looks at them. */
  readonly services: Reflector<KeptService>;
  readonly #endpoints: Reflector<Subject | Declared>;
  readonly #slices: Reflector<Subject>;
  readonly #declarations: Reflector<Declared>;

  constructor({ namespace, onService, ...shared }: CollectionsOptions) {
    const following = new Following(shared);
    const core = { group: "/api/v1", namespace };
    const slices = { group: "/apis/discovery.k8s.io/v1", resource: "endpointslices", namespace };
    this.services = following.of(
      { ...core, resource: "services", schema: balancedServiceObject, content: keptServiceOf },
      () => {
        shared.onChange();
        onService();
      },
    );
    this.#endpoints = following.of({
      ...core,
      resource: "endpoints",
      schema: endpointsObject,
      content: (object): Subject | Declared | undefined =>
        declaredByEndpoints(object) ?? subjectOfEndpoints(object),
    });
    this.#slices = following.of({
      ...slices,
      labelSelector: `${MANAGED_BY}=${MANAGER}`,
      schema: endpointSliceObject,
      content: subjectOfSlice,
    });
    this.#declarations = following.of({
      ...slices,
      labelSelector: DECLARED_FOR,
      schema: endpointSliceObject,
      content: declaredBySlice,
    });
  }

  get #all(): readonly Reflector<unknown>[] {
    return [this.services, this.#endpoints, this.#slices, this.#declarations];
  }

  /** Whether everything has been read once. */
  get isSynced(): boolean {
    return this.#all.every(({ synced }) => synced);
  }

  /** How often a collection has been listed. */
  get lists(): number {
    return this.#all.reduce((sum, { lists }) => sum + lists, 0);
  }

  /** Resolves when everything has been read once; where that never comes, when following has ended. */
  async synced(): Promise<void> {
    await Promise.all(this.#all.map(({ firstRead }) => firstRead));
  }

  /** Follows until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all.map((one) => one.run(signal)));
  }

  /** Objects that ask to be looked after, by their names. */
  readonly subjects = (): Iterable<readonly [string, Subject]> => [
    ...[...this.#endpoints.entries].flatMap(([name, one]) =>
      isDeclared(one) ? [] : [[`Endpoints ${name}`, one] as const],
    ),
    ...[...this.#slices.entries].map(([name, subject]) => [`EndpointSlice ${name}`, subject] as const),
  ];

  /** Objects that declare servers. */
  readonly declared = (): Iterable<Declared> => [
    ...[...this.#endpoints.entries].flatMap(([, one]) => (isDeclared(one) ? [one] : [])),
    ...[...this.#declarations.entries].map(([, one]) => one),
  ];

  readonly service = (name: string): KeptService | undefined => this.services.get(name);

  /** One object by its name in {@link subjects}. */
  subject(name: string): Subject | undefined {
    const [kind, place = ""] = name.split(" ");
    const found = (kind === "Endpoints" ? this.#endpoints : this.#slices).get(place);
    return found && !isDeclared(found) ? found : undefined;
  }

  /** Takes over what a write has brought back. */
  put(subject: Subject, object: unknown): void {
    (subject.kind === "Endpoints" ? this.#endpoints : this.#slices).put(nameOf(subject), object);
  }
}

function isDeclared(one: Subject | Declared): one is Declared {
  return "slices" in one;
}
