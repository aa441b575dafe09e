import { isDeepStrictEqual } from "node:util";
import type { Registry } from "../../director/data";
import { formatPath, isRecord } from "../../spec";
import { REVISIONS_KEPT } from "./limits";
import type { Difference } from "./problem";

/** What was declared lately: whoever comes with an old entity tag is told what differs from what he knows. */
export class History {
  #revision = "";
  /** By revision, the oldest first. */
  readonly #registries = new Map<string, Registry>();

  /** Remembers what is declared, where it is not what was declared when this was last called. */
  see({ registry, revision }: { readonly registry: Registry; readonly revision: string }): void {
    if (revision === this.#revision) return;
    this.#revision = revision;
    this.#registries.delete(revision);
    this.#registries.set(revision, registry);
    const [oldest] = this.#registries.keys();
    if (oldest !== undefined && this.#registries.size > REVISIONS_KEPT) this.#registries.delete(oldest);
  }

  /** What was declared as of a revision; undefined where that is forgotten. */
  at(revision: string): Registry | undefined {
    return this.#registries.get(revision);
  }

  /** The first answer that one of the registries gives, the newest asked first. */
  find<T>(ask: (registry: Registry) => T | undefined): T | undefined {
    for (const registry of [...this.#registries.values()].toReversed()) {
      const answer = ask(registry);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }
}

/** Where two versions of a resource differ, the deepest place in each case. */
export function differences(
  expected: unknown,
  found: unknown,
  path: readonly (string | number)[] = [],
): Difference[] {
  if (isDeepStrictEqual(expected, found)) return [];
  if (isRecord(expected) && isRecord(found)) {
    const keys = [...new Set([...Object.keys(expected), ...Object.keys(found)])];
    return keys.flatMap((key) => differences(expected[key], found[key], [...path, key]));
  }
  if (Array.isArray(expected) && Array.isArray(found) && expected.length === found.length)
    return expected.flatMap((one, index) => differences(one, found[index], [...path, index]));
  return [
    {
      path: formatPath(path),
      ...(expected !== undefined && { expected }),
      ...(found !== undefined && { found }),
    },
  ];
}
