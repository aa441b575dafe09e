import type { Api, WatchEvent } from "./api";
import { ApiError, wordsOf } from "./api-errors";
import { pause, pauseMs } from "./backoff";
import { objectList, statusObject, versioned } from "./objects";

/** What a {@link Reflector} keeps a copy of. */
export interface ReflectorOptions<T> {
  readonly api: Api;
  /** The collection: `/api/v1/services`. */
  readonly path: string;
  readonly labelSelector?: string | undefined;
  /** What is kept of an object, and under which name; undefined: nothing. Of an object that is no good, too: it is said once. */
  readonly read: (object: unknown) => Kept<T> | undefined;
  /** Told after each change of what is kept. */
  readonly onChange: (name: string) => void;
  /** Told when following breaks off, and will be tried again. */
  readonly onTrouble: (error: unknown) => void;
}

/** An object as it is kept. */
export interface Kept<T> {
  readonly name: string;
  readonly resourceVersion: string;
  /** undefined: the object does not concern us (any more). */
  readonly value: T | undefined;
}

/** Objects in one answer of a list. */
const PAGE = 500;
/** After so many seconds, more or less, the server ends a watch, so that replicas of it share the load. */
const WATCH_SECONDS = 300;

/**
 * A copy of the objects of one collection: listed once, then followed by a watch that goes on from where the last one
 * ended. Bookmarks keep that place fresh. Only a server that has forgotten it (410) makes the list be read again, and what
 * is kept stays while that is done: losing the server empties nothing.
 */
export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #kept = new Map<string, { readonly version: bigint; readonly value: T }>();
  #version: string | undefined;
  #synced = false;
  #settle: () => void = () => undefined;
  /** Resolves when the list has been read, or following has ended without. */
  readonly firstRead = new Promise<void>((resolve) => {
    this.#settle = resolve;
  });
  /** Whether anything has come since the last attempt. */
  #progressed = false;
  #lists = 0;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
  }

  /** Whether the list has been read. */
  get synced(): boolean {
    return this.#synced;
  }

  /** How often the list has been read. */
  get lists(): number {
    return this.#lists;
  }

  get(name: string): T | undefined {
    return this.#kept.get(name)?.value;
  }

  get entries(): Iterable<readonly [string, T]> {
    return [...this.#kept].map(([name, { value }]) => [name, value] as const);
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Follows until the signal fires. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#follow(signal);
    this.#settle();
  }

  async #follow(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      this.#progressed = false;
      let retryAfterMs: number | undefined;
      try {
        if (this.#version === undefined) await this.#list(signal);
        await this.#watch(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && error.isGone) this.#version = undefined;
        failures = this.#progressed ? 1 : failures + 1;
        retryAfterMs = error instanceof ApiError ? error.retryAfterMs : undefined;
        this.#options.onTrouble(error);
      }
      // A watch that has ended as it should is not begun again at once, either: some servers end all of them.
      await pause(pauseMs(Math.max(1, failures), retryAfterMs), signal);
    }
  }

  /**
   * Takes over an object that a write has brought back, ahead of the watch. One that is not kept any more has been deleted
   * since it was written.
   */
  put(name: string, object: unknown): void {
    if (this.#kept.has(name)) this.#take(object, "MODIFIED");
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { api, path, labelSelector } = this.#options;
    const listed = new Set<string>();
    let from: string | undefined;
    let version: string;
    do {
      const query = { limit: PAGE, continue: from, labelSelector };
      const page = objectList.parse(await api.request({ method: "GET", path, query, signal }));
      for (const object of page.items ?? []) {
        const name = this.#take(object, "ADDED");
        if (name !== undefined) listed.add(name);
      }
      version = page.metadata.resourceVersion;
      from = page.metadata.continue || undefined;
    } while (from !== undefined);
    for (const name of this.#kept.keys()) if (!listed.has(name)) this.#drop(name);
    this.#version = version;
    this.#progressed = true;
    this.#lists++;
    this.#synced = true;
    this.#settle();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { api, path, labelSelector } = this.#options;
    const query = {
      labelSelector,
      allowWatchBookmarks: "true",
      resourceVersion: this.#version,
      timeoutSeconds: Math.round(WATCH_SECONDS * (1 + Math.random())),
    };
    for await (const event of api.watch(path, query, signal)) {
      if (event.type === "ERROR") throw watchError(path, event);
      this.#progressed = true;
      if (event.type !== "BOOKMARK") this.#take(event.object, event.type);
      this.#version = versioned.parse(event.object).metadata.resourceVersion;
    }
  }

  /** @returns the object's name, if it is one that can be read */
  #take(object: unknown, type: "ADDED" | "MODIFIED" | "DELETED"): string | undefined {
    const kept = this.#options.read(object);
    if (kept === undefined) return undefined;
    const { name, resourceVersion, value } = kept;
    const version = BigInt(resourceVersion);
    const known = this.#kept.get(name)?.version;
    if (known !== undefined && version <= known) return name;
    if (type === "DELETED" || value === undefined) {
      this.#drop(name);
    } else {
      this.#kept.set(name, { version, value });
      this.#options.onChange(name);
    }
    return name;
  }

  #drop(name: string): void {
    if (this.#kept.delete(name)) this.#options.onChange(name);
  }
}

function watchError(path: string, { object }: WatchEvent): ApiError {
  const status = statusObject.safeParse(object);
  const { code, message } = status.success ? status.data : {};
  return new ApiError(code ?? 500, `WATCH ${path}`, message ?? "the watch was ended");
}

/** A reader of objects of one kind for a {@link Reflector}; `trouble` is told what cannot be read. */
export function reader<O extends { readonly metadata: { readonly resourceVersion: string } }, T>(
  schema: { parse(value: unknown): O },
  nameOf: (object: O) => string,
  contentOf: (object: O) => T | undefined,
  trouble: (words: string) => void,
): (object: unknown) => Kept<T> | undefined {
  return (object) => {
    try {
      const parsed = schema.parse(object);
      return {
        name: nameOf(parsed),
        resourceVersion: parsed.metadata.resourceVersion,
        value: contentOf(parsed),
      };
    } catch (error) {
      trouble(wordsOf(error));
      return undefined;
    }
  };
}
