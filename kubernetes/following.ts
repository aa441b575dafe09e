import type { Logger } from "pino";
import type { Api } from "./api";
import { wordsOf } from "./api-errors";
import type { Counts } from "./counts";
import { Reflector, reader } from "./reflector";
import { nameOf } from "./subject";

/** What collections that are followed together share. */
export interface FollowingOptions {
  readonly api: Api;
  readonly log: Logger;
  readonly counts: Counts;
  /** Told after each change of what is kept. */
  readonly onChange: () => void;
}

/** One collection of a cluster. */
export interface Collection<O, T> {
  /** `/api/v1`, `/apis/discovery.k8s.io/v1` */
  readonly group: string;
  /** `services` */
  readonly resource: string;
  /** undefined: all namespaces, or a kind of object that is in none. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string;
  readonly schema: { parse(value: unknown): O };
  /** What is kept of an object; undefined: nothing. */
  readonly content: (object: O) => T | undefined;
}

/** An object with what a copy of it goes by. */
interface Named {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly resourceVersion: string };
}

/** Makes copies of collections, which tell the log and the counters of what cannot be followed or read. */
export class Following {
  constructor(private readonly options: FollowingOptions) {}

  /**
   * A copy of a collection, once it is run.
   *
   * @param onChange told after each change of it, in place of who is told of the others
   */
  of<O extends Named, T>(
    { group, resource, namespace, labelSelector, schema, content }: Collection<O, T>,
    onChange = this.options.onChange,
  ) {
    const { api, log, counts } = this.options;
    const place = namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
    const path = `${group}${place}/${resource}`;
    return new Reflector<T>({
      api,
      path,
      labelSelector,
      onChange,
      onTrouble: (error) => {
        counts.troubles++;
        log.warn({ event: "watch", path, error: wordsOf(error) }, "following broke off, and goes on");
      },
      read: reader(schema, ({ metadata }) => nameOf(metadata), content, this.unreadable),
    });
  }

  /** Tells of an object that cannot be read. */
  readonly unreadable = (words: string): void => {
    this.options.counts.unreadable++;
    this.options.log.error({ event: "unreadable", error: words }, "an object could not be read");
  };
}
