import type { Log } from "./log";

/** Something that happened on the director. */
export interface AgentEvent {
  /** Unique, and in order: of one run of the agent, and the number in it. */
  readonly id: string;
  /** `declared`, `change`, `repair`, `down`, `drain` ...: see docs/api.md. */
  readonly type: string;
  /** Epoch, in milliseconds. */
  readonly at: number;
  /** What the log says of it, but for the type: no setting of a check is among it. */
  readonly data: Readonly<Record<string, unknown>>;
}

/** Told of each event. */
export type EventListener = (event: AgentEvent) => void;

/** What happened last, for those who listen and for those who come back. Bounded: the oldest is forgotten first. */
export class EventRing {
  #kept: AgentEvent[] = [];
  #count = 0;
  readonly #listeners = new Set<EventListener>();

  /**
   * @param run tells this run of the agent from others: ids of another one are never taken for its own
   * @param max how many are remembered
   */
  constructor(
    private readonly run: string,
    private readonly max: number,
  ) {}

  /** The id of the last event; that of none before the first one. */
  get lastId(): string {
    return `${this.run}-${this.#count}`;
  }

  add(type: string, data: Readonly<Record<string, unknown>>): void {
    this.#count++;
    const event = { id: this.lastId, type, at: Date.now(), data };
    this.#kept.push(event);
    if (this.#kept.length > this.max) this.#kept.shift();
    for (const listener of this.#listeners) listener(event);
  }

  /** Events after that one, the oldest first; undefined: some of them are forgotten, or it is no id of this run. */
  since(id: string): readonly AgentEvent[] | undefined {
    const [, run, count] = /^(.+)-([0-9]+)$/.exec(id) ?? [];
    const first = this.#count - this.#kept.length;
    const known = Number(count);
    if (run !== this.run || known < first || known > this.#count) return undefined;
    return this.#kept.slice(known - first);
  }

  /** Tells of every event from now on. Returns what ends that. */
  listen(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** A log that also tells `ring` of each event. What has no `event` is for people alone. */
export function telling(log: Log, ring: EventRing): Log {
  const heard = (level: "info" | "warn" | "error") =>
    function tell(this: Log, words: unknown, ...rest: unknown[]): void {
      Reflect.apply(log[level], log, [words, ...rest]);
      const { event, ...data } =
        typeof words === "object" && words !== null ? (words as { event?: unknown }) : {};
      if (typeof event === "string") ring.add(event, data);
    };
  return Object.create(log, {
    info: { value: heard("info") },
    warn: { value: heard("warn") },
    error: { value: heard("error") },
  }) as Log;
}
