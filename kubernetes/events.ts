import { hostname } from "node:os";
import type { Logger } from "pino";
import { CONTROLLER } from "../spec/kubernetes";
import type { Api } from "./api";
import { ApiError, wordsOf } from "./api-errors";
import { pause, pauseMs } from "./backoff";
import type { Note } from "./plan";
import { Rate } from "./rate";
import type { Subject } from "./subject";

/** So often a server may refuse one, before it is dropped. */
const ATTEMPTS = 8;
/** Events that wait for a server that takes none; of more the oldest are dropped. */
const WAITING_MAX = 1_000;
/** Events of one object: each is kept for an hour by who stores them, and a server that flaps has one every few seconds. */
const RATE = { perSecond: 1 / 60, burst: 25 } as const;
/** Objects whose rate is remembered; those that have told nothing for long are forgotten first. */
const REMEMBERED = 1_000;

/** Whom an Event is told of: Endpoints or a slice, or any object that `about` names. */
export type Told =
  | Pick<Subject, "kind" | "namespace" | "name" | "uid" | "about">
  | (Pick<Subject, "namespace" | "name"> & { readonly about: NonNullable<Subject["about"]> });

interface Letter {
  readonly subject: Told;
  readonly note: Note;
  readonly at: Date;
  /** How often it was refused, and when it may be tried again, by the monotonic clock. */
  refusals: number;
  dueMs: number;
}

/**
 * Tells of what has happened to objects, as Events beside them. One after the other, apart from all else: an Event is worth
 * less than what it tells of, and neither holds it up nor is repeated for ever. Of an object that has ever more to tell, the
 * log tells the rest.
 */
export class Events {
  readonly #api: Pick<Api, "request">;
  readonly #log: Pick<Logger, "warn">;
  /** By uid of the object, who has told last at the end. */
  readonly #rates = new Map<string, Rate>();
  readonly #waiting: Letter[] = [];
  #wake: (() => void) | undefined;
  #dropped = 0;

  constructor(api: Pick<Api, "request">, log: Pick<Logger, "warn">) {
    this.#api = api;
    this.#log = log;
  }

  /** Events that were never written. */
  get dropped(): number {
    return this.#dropped;
  }

  tell(subject: Told, note: Note): void {
    if (!this.#rateOf(subject).take()) {
      this.#dropped++;
      return;
    }
    this.#waiting.push({ subject, note, at: new Date(), refusals: 0, dueMs: 0 });
    if (this.#waiting.length > WAITING_MAX) {
      this.#waiting.shift();
      this.#dropped++;
    }
    this.#wake?.();
  }

  #rateOf(subject: Told): Rate {
    const { uid } = aboutOf(subject);
    const rate = this.#rates.get(uid) ?? new Rate(RATE.perSecond, RATE.burst);
    this.#rates.delete(uid);
    this.#rates.set(uid, rate);
    const [oldest = ""] = this.#rates.keys();
    if (this.#rates.size > REMEMBERED) this.#rates.delete(oldest);
    return rate;
  }

  /** Writes until the signal fires. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = () => this.#wake?.();
    signal.addEventListener("abort", wake, { once: true });
    let failures = 0;
    while (!signal.aborted) {
      const letter = this.#waiting.find(({ dueMs }) => dueMs <= performance.now());
      if (letter === undefined) {
        await this.#nextDue();
        continue;
      }
      try {
        const path = `/api/v1/namespaces/${letter.subject.namespace}/events`;
        await this.#api.request({ method: "POST", path, body: eventOf(letter), signal });
        failures = 0;
        this.#remove(letter);
      } catch (error) {
        if (signal.aborted) return;
        this.#log.warn({ event: "tell", error: wordsOf(error) }, "an Event could not be written");
        if (error instanceof ApiError && error.isPassing)
          await pause(pauseMs(++failures, error.retryAfterMs), signal);
        else this.#putOff(letter);
      }
    }
  }

  /** Resolves when there is something new, or one that was put off is due. */
  async #nextDue(): Promise<void> {
    const dueMs = Math.min(...this.#waiting.map((letter) => letter.dueMs));
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (Number.isFinite(dueMs)) timer = setTimeout(resolve, Math.max(1, dueMs - performance.now()));
    });
    clearTimeout(timer);
  }

  /** One that is refused (its namespace is being deleted, the server knows no roles yet) holds no others up. */
  #putOff(letter: Letter): void {
    letter.refusals++;
    if (letter.refusals < ATTEMPTS) {
      letter.dueMs = performance.now() + pauseMs(letter.refusals);
      return;
    }
    this.#dropped++;
    this.#remove(letter);
  }

  #remove(letter: Letter): void {
    const index = this.#waiting.indexOf(letter);
    if (index >= 0) this.#waiting.splice(index, 1);
  }
}

/** A core/v1 Event, as `kubectl describe` shows it. */
function eventOf({ subject, note, at }: Letter) {
  const about = aboutOf(subject);
  const time = at.toISOString();
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { generateName: `${subject.name.slice(0, 200)}.`, namespace: subject.namespace },
    involvedObject: { namespace: subject.namespace, ...about },
    type: note.type,
    reason: note.reason,
    message: note.message.slice(0, 1_000),
    source: { component: CONTROLLER, host: hostname() },
    reportingComponent: "heye.io/kubernetes",
    reportingInstance: hostname(),
    firstTimestamp: time.replace(/\.\d+Z$/, "Z"),
    lastTimestamp: time.replace(/\.\d+Z$/, "Z"),
    count: 1,
  };
}

function aboutOf(subject: Told) {
  return "kind" in subject ? (subject.about ?? itself(subject)) : subject.about;
}

function itself({ kind, name, uid }: Pick<Subject, "kind" | "name" | "uid">) {
  return { apiVersion: kind === "Endpoints" ? "v1" : "discovery.k8s.io/v1", kind, name, uid };
}
