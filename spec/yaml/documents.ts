import { type Document, isCollection, isMap, isScalar, LineCounter, parseAllDocuments } from "yaml";
import { formatPath, type Problem, type PropertyPath } from "../problem";
import { aliasProblem } from "./aliases";

/** A value that a file leaves to the program, so that no secret stands in it: `!secret NAME`. */
export class SecretReference {
  constructor(readonly name: string) {}
}

/** One thing wrong with a file. */
export interface YamlProblem {
  /** From 1. */
  readonly line: number;
  /** What was expected and what was found. Begins with the property path, where there is one. */
  readonly reason: string;
}

/** One document of a file. */
export interface YamlDocument {
  /** Plain data, but for {@link SecretReference}s. */
  readonly value: unknown;
  /** Where a property is, or would have to be; of one that is not there: where what surrounds it begins. */
  lineOf(path: PropertyPath): number;
  /** All references to secrets. */
  readonly secrets: readonly { readonly path: PropertyPath; readonly name: string }[];
}

/** Reads all documents of a YAML 1.2 file; those that are empty are left out. A file that is no YAML has none. */
export function readDocuments(text: string): { documents: YamlDocument[]; problems: YamlProblem[] } {
  const lines = new LineCounter();
  const all = [...parseAllDocuments(text, { lineCounter: lines, customTags: [SECRET_TAG] })];
  const problems = all.flatMap(({ errors, warnings }) =>
    [...errors, ...warnings].map((error) => ({
      line: error.linePos?.[0].line ?? 1,
      // The library shows the place with what stands there, which may be a secret.
      reason: (error.message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/, ""),
    })),
  );
  if (problems.length > 0) return { documents: [], problems };
  for (const document of all) {
    const problem = aliasProblem(document);
    if (problem) problems.push({ line: lines.linePos(problem.offset).line, reason: problem.reason });
  }
  if (problems.length > 0) return { documents: [], problems };
  const documents = all.map((document) => documentOf(document, lines)).filter(({ value }) => value !== null);
  return { documents, problems };
}

/** Problems of a document's value as problems of the file. */
export function placed(document: YamlDocument, problems: readonly Problem[]): YamlProblem[] {
  return problems.map(({ path, reason }) => {
    const where = formatPath(path);
    return { line: document.lineOf(path), reason: where === "" ? reason : `${where}: ${reason}` };
  });
}

const SECRET_TAG = { tag: "!secret", resolve: (name: string) => new SecretReference(name) };

function documentOf(document: Document, lines: LineCounter): YamlDocument {
  // How much aliases stand for is counted before; the library's own limit is 100 uses of an anchor, which a large pool has.
  const value: unknown = document.toJS({ maxAliasCount: -1 });
  const lineAt = (offset: number | undefined) => lines.linePos(offset ?? document.range?.[0] ?? 0).line;
  const begin = lineAt(document.contents?.range?.[0]);
  return {
    value,
    secrets: referencesIn(value, []),
    lineOf(path) {
      let node: unknown = document.contents;
      let line = begin;
      for (const part of path) {
        if (!isCollection(node)) break;
        const next: unknown = node.get(part, true);
        const own = startOf(node, part, next);
        if (own === undefined) break;
        line = lineAt(own);
        node = next;
      }
      return line;
    },
  };
}

/** Where a member begins: that of a mapping at its key. */
function startOf(node: unknown, part: string | number, next: unknown): number | undefined {
  if (isMap(node)) {
    const key: unknown = node.items.find(
      ({ key: one }) => isScalar(one) && String(one.value) === String(part),
    )?.key;
    return isScalar(key) ? key.range?.[0] : undefined;
  }
  return isScalar(next) || isCollection(next) ? next.range?.[0] : undefined;
}

function referencesIn(value: unknown, path: PropertyPath): { path: PropertyPath; name: string }[] {
  if (value instanceof SecretReference) return [{ path, name: value.name }];
  if (Array.isArray(value)) return value.flatMap((one, index) => referencesIn(one, [...path, index]));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => referencesIn(one, [...path, key]));
}
