import type { Logger } from "pino";
import type { Api } from "./api";
import type { Collections } from "./collections";
import type { Counts } from "./counts";
import type { Events } from "./events";
import type { MirrorStep } from "./mirror";
import type { Mirrors } from "./mirrors";
import { FIELD_MANAGER } from "./names";
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
  readonly mirrors: Pick<Mirrors, "step">;
  readonly verdict: (key: string) => Verdict | undefined;
  /** Whether an object is this replica's to write now. */
  readonly mayWrite: (name: string) => boolean;
}

/** The one write that an object needs as it stands now: a step of its slice towards its declaration, or its readiness. */
export class ObjectWrites {
  constructor(private readonly options: ObjectWritesOptions) {}

  /**
   * Makes it.
   *
   * @param name of the object, as in {@link Collections.subjects}
   * @returns whether there was anything to write
   * @throws ApiError when it is refused
   */
  readonly make = async (name: string): Promise<boolean> => {
    const { api, collections, population, mirrors, verdict, mayWrite } = this.options;
    if (!mayWrite(name)) return false;
    const step = await mirrors.step(name);
    // The declaration may have been long in coming. Whose the object is now looks at everything again.
    if (!mayWrite(name)) return step !== undefined;
    const subject = collections.subject(name);
    if (step) return this.#mirror(name, subject, step);
    const wanted = subject && population.wantedOf(subject);
    if (!subject || !wanted) return false;
    const plan = planOf(subject, wanted, verdict);
    if (plan === undefined) return false;
    const query = { fieldManager: FIELD_MANAGER };
    const path = pathOf(subject);
    const written = await api.request({ method: "PATCH", path, query, body: plan.patch });
    collections.put(subject, written);
    this.#tell(name, subject, plan);
    return true;
  };

  /** What is to be read of the slice afterwards comes with the watch, and makes the next step. */
  async #mirror(name: string, subject: Subject | undefined, step: MirrorStep): Promise<boolean> {
    const { api, log, collections, counts } = this.options;
    const [namespace = "", slice = ""] = name.slice("EndpointSlice ".length).split("/");
    const collection = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`;
    const path = `${collection}/${slice}`;
    const query = { fieldManager: FIELD_MANAGER };
    if (step.kind === "create")
      await api.request({ method: "POST", path: collection, query, body: step.body });
    else if (step.kind === "delete")
      await api.request({ method: "DELETE", path, body: { preconditions: step.preconditions } });
    else {
      const written = await api.request({ method: "PATCH", path, query, body: step.patch });
      if (subject) collections.put(subject, written);
    }
    counts.writes++;
    log.info({ event: "mirror", object: name, step: step.kind }, "a slice follows its declaration");
    return true;
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
