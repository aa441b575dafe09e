import type { Logger } from "pino";
import type { Api, ApiRequest } from "./api";
import { ApiError, wordsOf } from "./api-errors";
import type { Collections } from "./collections";
import type { Counts } from "./counts";
import type { Events } from "./events";
import type { MirrorStep } from "./mirror";
import type { Mirrors } from "./mirrors";
import { FIELD_MANAGER } from "./names";
import { endpointSliceObject } from "./objects";
import { type Plan, planOf, type Verdict } from "./plan";
import type { Population } from "./population";
import { nameOf, type Subject } from "./subject";

/** What {@link ObjectWrites} follow from, and whom they are told to. */
export interface ObjectWritesOptions {
  readonly api: Pick<Api, "request">;
  readonly log: Pick<Logger, "info">;
  readonly counts: Counts;
  readonly events: Pick<Events, "tell">;
  readonly collections: Pick<Collections, "subject" | "put">;
  readonly population: Pick<Population, "wantedOf">;
  readonly mirrors: Pick<Mirrors, "step" | "declaredFor">;
  readonly verdict: (key: string) => Verdict | undefined;
  /** Whether an object is this replica's to write now. */
  readonly mayWrite: (name: string) => boolean;
}

/** So often in a row a slice has to be refused before that is told: a server that has just started forbids everything. */
const REFUSALS = 4;

/** The one write that an object needs as it stands now: a step of its slice towards its declaration, or its readiness. */
export class ObjectWrites {
  /** How often in a row steps of slices were refused, by their names. */
  readonly #refusals = new Map<string, number>();

  constructor(private readonly options: ObjectWritesOptions) {}

  /**
   * Makes it.
   *
   * @param name of the object, as in {@link Collections.subjects}
   * @returns whether there was anything to write
   * @throws ApiError when it is refused
   */
  readonly make = async (name: string): Promise<boolean> => {
    const { collections, population, mirrors, verdict, mayWrite } = this.options;
    if (!mayWrite(name)) return false;
    const step = await mirrors.step(name);
    // The declaration may have been long in coming. Whose the object is now looks at everything again.
    if (!mayWrite(name)) return step !== undefined;
    const subject = collections.subject(name);
    if (step) return this.#step(name, subject, step);
    this.#refusals.delete(name);
    const wanted = subject && population.wantedOf(subject);
    if (!subject || !wanted) return false;
    const plan = planOf(subject, wanted, verdict);
    if (plan === undefined) return false;
    const query = { fieldManager: FIELD_MANAGER };
    const path = pathOf(subject);
    const written = await this.#patch(subject, { method: "PATCH", path, query, body: plan.patch });
    collections.put(subject, written);
    this.#tell(name, subject, plan);
    return true;
  };

  /** Where somebody was quicker, the object is read: the watch that is to bring it may be late, and what is due is not to wait. */
  async #patch(subject: Subject, request: ApiRequest): Promise<unknown> {
    const { api, collections } = this.options;
    try {
      return await api.request(request);
    } catch (error) {
      if (error instanceof ApiError && error.isConflict)
        collections.put(subject, await api.request({ method: "GET", path: request.path }));
      throw error;
    }
  }

  /** Whoever made the declaration does not read our log: that nothing comes of it is told there. */
  async #step(name: string, subject: Subject | undefined, step: MirrorStep): Promise<boolean> {
    try {
      const wrote = await this.#mirror(name, subject, step);
      this.#refusals.delete(name);
      return wrote;
    } catch (error) {
      // The server is away or busy, or what was known of the slice is out of date: that passes.
      if (error instanceof ApiError && (error.isPassing || error.isConflict || error.isMissing)) throw error;
      const refusals = (this.#refusals.get(name) ?? 0) + 1;
      this.#refusals.set(name, refusals);
      const by = this.options.mirrors.declaredFor(name);
      if (by && refusals === REFUSALS) {
        const { apiVersion, kind, uid } = by;
        const message = `its servers are not as it says, because a slice cannot be written: ${wordsOf(error)}`;
        const note = { type: "Warning", reason: "HealthCheckProblem", message } as const;
        this.options.events.tell({ ...by, about: { apiVersion, kind, name: by.name, uid } }, note);
      }
      throw error;
    }
  }

  /** What is to be read of the slice afterwards comes with the watch, and makes the next step. */
  async #mirror(name: string, subject: Subject | undefined, step: MirrorStep): Promise<boolean> {
    const { api, log, collections, counts } = this.options;
    const [namespace = "", slice = ""] = name.slice("EndpointSlice ".length).split("/");
    const collection = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    const path = `${collection}/${slice}`;
    const query = { fieldManager: FIELD_MANAGER };
    if (step.kind === "create")
      await api
        .request({ method: "POST", path: collection, query, body: step.body })
        .catch((error: unknown) => this.#takeBack(name, path, step.labels, error));
    else if (step.kind === "delete")
      await api.request({ method: "DELETE", path, body: { preconditions: step.preconditions } });
    else {
      const request = { method: "PATCH", path, query, body: step.patch } as const;
      const written = await (subject ? this.#patch(subject, request) : api.request(request));
      if (subject) collections.put(subject, written);
    }
    counts.writes++;
    log.info({ event: "mirror", object: name, step: step.kind }, "a slice follows its declaration");
    return true;
  }

  /**
   * One that is there, and that the watch does not show: our label was taken off it. It serves on, and nobody would look after
   * it. Where it is not of this declaration, somebody else's stands in the way.
   */
  async #takeBack(
    name: string,
    path: string,
    labels: Readonly<Record<string, string>>,
    error: unknown,
  ): Promise<void> {
    if (!(error instanceof ApiError && error.isConflict)) throw error;
    const { api, mirrors } = this.options;
    const { metadata } = endpointSliceObject.parse(await api.request({ method: "GET", path }));
    const by = mirrors.declaredFor(name);
    const isOurs = metadata.ownerReferences?.some(
      ({ kind, name: owner }) => kind === by?.kind && owner === by.name,
    );
    if (!isOurs)
      throw new Error(
        `EndpointSlice ${metadata.name}: expected none, or one whose owner is ${by?.kind} ${by?.name}, found somebody else's: delete it`,
      );
    const { resourceVersion } = metadata;
    const body = { metadata: { resourceVersion, labels } };
    await api.request({ method: "PATCH", path, query: { fieldManager: FIELD_MANAGER }, body });
  }

  #tell(name: string, subject: Subject, { notes, down, up }: Plan): void {
    const { counts, log, events } = this.options;
    counts.written(down.length, up.length);
    log.info({ event: "write", object: name, down, up }, "readiness was written");
    for (const note of notes) events.tell(subject, note);
  }
}

function pathOf(subject: Subject): string {
  const group = subject.kind === "Endpoints" ? "/api/v1" : "/apis/discovery.k8s.io/v1";
  const resource = subject.kind === "Endpoints" ? "endpoints" : "endpointslices";
  const [namespace, name] = nameOf(subject).split("/").map(encodeURIComponent);
  return `${group}/namespaces/${namespace}/${resource}/${name}`;
}
