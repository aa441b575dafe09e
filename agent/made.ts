import { entryName, type Service, serviceKey } from "../ipvs";

/** What was last made of each virtual server: the kernel holds it, until somebody else changes it. */
export class Made {
  readonly #all = new Map<string, Service>();

  /** undefined: nothing was, or it is not known any more. */
  of(key: string): Service | undefined {
    return this.#all.get(key);
  }

  set(key: string, service: Service): void {
    this.#all.set(key, service);
  }

  /** What the kernel holds of virtual servers is not known any more: not all that was to be made of them was. */
  forget(keys: Iterable<string>): void {
    for (const key of keys) this.#all.delete(key);
  }

  /** Forgets what is no longer declared. */
  follow(declared: ReadonlyMap<string, unknown>): void {
    for (const key of this.#all.keys()) if (!declared.has(key)) this.#all.delete(key);
  }

  /**
   * All this has been made, but what was refused: that is as it was.
   *
   * @param refused names of entries that the kernel did not take (see `entryName`)
   */
  settle(wanted: ReadonlyMap<string, Service>, refused: ReadonlySet<string>): void {
    for (const [key, service] of wanted) {
      const made = madeBut(service, this.#all.get(key), refused);
      if (made) this.#all.set(key, made);
    }
  }
}

/** undefined: nothing of a virtual server was ever made. */
function madeBut(
  wanted: Service,
  before: Service | undefined,
  refused: ReadonlySet<string>,
): Service | undefined {
  const head = refused.has(serviceKey(wanted)) ? before : wanted;
  if (!head) return undefined;
  const isRefused = (one: Service["destinations"][number]) => refused.has(entryName(wanted, one));
  const taken = wanted.destinations.filter((one) => !isRefused(one));
  const left = (before?.destinations ?? []).filter(isRefused);
  return { ...head, destinations: [...taken, ...left] };
}
