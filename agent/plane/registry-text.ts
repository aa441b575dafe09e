import {
  EMPTY_REGISTRY,
  joinLines,
  mergeDelta,
  parseRegistry,
  registryDelta,
  registryLines,
  sha256,
} from "../../director/data";

/** A registry's text with a delta merged into it; undefined: what would come of it is no registry. */
export function merged(text: string, delta: readonly string[]): string | undefined {
  if (delta.length === 0) return text;
  const before = parseRegistry(text);
  if (!before) return undefined;
  const after = joinLines(mergeDelta(registryLines(before), delta).values());
  return parseRegistry(after) ? after : undefined;
}

/** What two deltas have in common decides whether one can be made after the other as if that had not been. */
export function areApart(one: readonly string[], other: readonly string[]): boolean {
  const taken = new Set(one.map(subjectOf));
  // Lines of owners come and go with their virtual servers: a delta that has one says something of all of that owner's.
  const owners = new Set([...one, ...other].flatMap(ownerLineOf));
  return !other.some((edit) => taken.has(subjectOf(edit))) && ![...one, ...other].some(isOf(owners));
}

/** By which a text is known again. */
export function digestOf(text: string): string {
  return sha256(text);
}

function identityOf(edit: string): string {
  return edit.slice(1).split("\t", 1)[0] ?? "";
}

/** What an edit is of. A virtual server is one, whoever is to own it: made one after the other, two owners would both have it. */
function subjectOf(edit: string): string {
  return identityOf(edit).replace(/^service \S+ /, "service ");
}

function ownerLineOf(edit: string): string[] {
  const [, id] = /^owner (\S+)$/.exec(identityOf(edit)) ?? [];
  return id === undefined ? [] : [id];
}

function isOf(owners: ReadonlySet<string>): (edit: string) => boolean {
  return (edit) => {
    const [, id = ""] = /^service (\S+) /.exec(identityOf(edit)) ?? [];
    return owners.has(id);
  };
}

/** The delta that takes one registry's text to another's. A text that is none counts as empty. */
export function steps(before: string, after: string): string[] {
  const [from, to] = [before, after].map((text) => registryLines(parseRegistry(text) ?? EMPTY_REGISTRY));
  return from && to ? registryDelta(from, to) : [];
}
