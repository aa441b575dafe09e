import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { DECLARED_FOR, MANAGED_BY, MANAGER } from "../spec/kubernetes";
import type { Api } from "./api";
import { wordsOf } from "./api-errors";
import type { Counts } from "./counts";
import { type Declared, declaredByEndpoints, declaredBySlice } from "./declared";
import { endpointSliceObject, endpointsObject, serviceObject } from "./objects";
import { Reflector, reader } from "./reflector";
import {
  nameOf,
  type Subject,
  type SubjectService,
  serviceOf,
  subjectOfEndpoints,
  subjectOfSlice,
} from "./subject";

/** What {@link Collections} work with. */
export interface CollectionsOptions {
  readonly api: Api;
  readonly log: Logger;
  /** undefined: all namespaces. */
  readonly namespace: string | undefined;
  readonly counts: Counts;
  readonly onChange: () => void;
}

/** Copies of the objects of a cluster that concern us: all Services, annotated Endpoints, slices with our label, declarations. */
export class Collections {
  readonly #services: Reflector<SubjectService>;
  readonly #endpoints: Reflector<Subject | Declared>;
  readonly #slices: Reflector<Subject>;
  readonly #declarations: Reflector<Declared>;

  constructor({ api, log, namespace, counts, onChange }: CollectionsOptions) {
    const collection = (group: string, resource: string) =>
      namespace === undefined
        ? `${group}/${resource}`
        : `${group}/namespaces/${encodeURIComponent(namespace)}/${resource}`;
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
      ...common(collection("/api/v1", "services")),
      read: reader(serviceObject, name, serviceOf, trouble),
    });
    this.#endpoints = new Reflector({
      ...common(collection("/api/v1", "endpoints")),
      read: reader(
        endpointsObject,
        name,
        (object) => declaredByEndpoints(object) ?? subjectOfEndpoints(object),
        trouble,
      ),
    });
    this.#slices = new Reflector({
      ...common(collection("/apis/discovery.k8s.io/v1", "endpointslices")),
      labelSelector: `${MANAGED_BY}=${MANAGER}`,
      read: reader(endpointSliceObject, name, subjectOfSlice, trouble),
    });
    this.#declarations = new Reflector({
      ...common(collection("/apis/discovery.k8s.io/v1", "endpointslices")),
      labelSelector: DECLARED_FOR,
      read: reader(endpointSliceObject, name, declaredBySlice, trouble),
    });
  }

  get #all(): readonly Reflector<unknown>[] {
    return [this.#services, this.#endpoints, this.#slices, this.#declarations];
  }

  /** Whether everything has been read once. */
  get isSynced(): boolean {
    return this.#all.every(({ synced }) => synced);
  }

  /** How often a collection has been listed. */
  get lists(): number {
    return this.#all.reduce((sum, { lists }) => sum + lists, 0);
  }

  /** Resolves when everything has been read once, or the signal fires. */
  async synced(signal: AbortSignal): Promise<void> {
    while (!this.isSynced && !signal.aborted) await delay(20);
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

  readonly service = (name: string): SubjectService | undefined => this.#services.get(name);

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
