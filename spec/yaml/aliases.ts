import { type Document, isAlias, isCollection, isPair, type Node, visit } from "yaml";

/**
 * Values that the aliases of one document may stand for, all together: as many as 10,000 servers have that share a check of
 * ten settings. A few lines of aliases of aliases stand for more than any memory holds.
 */
const ALIASED_MAX = 200_000;

/** An alias that no value can be made of. */
export interface AliasProblem {
  /** Where it stands in the file, in characters. */
  readonly offset: number;
  readonly reason: string;
}

/**
 * Finds the first alias of a document that names no anchor before it, that stands within what it names, or with which all of them stand
 * for too much. What an anchor names is not shown: it may be a secret.
 */
export function aliasProblem(document: Document): AliasProblem | undefined {
  const anchors = new Map<string, Node>();
  const sizes = new Sizes();
  let aliased = 0;
  let found: AliasProblem | undefined;
  visit(document, {
    Node(_key, node, path) {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.set(node.anchor, node);
        return undefined;
      }
      const target = anchors.get(node.source);
      if (target) aliased += sizes.named(node, target, path.includes(target));
      const reason = reasonOf(node.source, target !== undefined, aliased);
      if (reason === undefined) return undefined;
      found = { offset: node.range?.[0] ?? 0, reason };
      return visit.BREAK;
    },
  });
  return found;
}

function reasonOf(name: string, isNamed: boolean, aliased: number): string | undefined {
  if (!isNamed) return `expected an anchor &${name} before its alias *${name}, found none`;
  if (aliased === Infinity)
    return `expected *${name} outside of what &${name} names, found it within: it has no end`;
  if (aliased <= ALIASED_MAX) return undefined;
  return `expected aliases that stand for at most ${ALIASED_MAX} values, found more with *${name}`;
}

/** How many values there are in a node, aliases resolved. */
class Sizes {
  readonly #known = new Map<unknown, number>();

  /** What an alias stands for; one within what it names has no end. */
  named(alias: Node, target: Node, isWithin: boolean): number {
    const size = isWithin ? Infinity : this.#of(target);
    this.#known.set(alias, size);
    return size;
  }

  #of(node: unknown): number {
    const known = this.#known.get(node);
    if (known !== undefined) return known;
    const size = this.#count(node);
    this.#known.set(node, size);
    return size;
  }

  #count(node: unknown): number {
    if (isPair(node)) return this.#of(node.key) + this.#of(node.value);
    if (!isCollection(node)) return 1;
    return node.items.reduce((sum: number, item) => sum + this.#of(item), 1);
  }
}
