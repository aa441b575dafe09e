/** A place inside an input: property names and list indices from the outside in. */
export type PropertyPath = readonly (string | number)[];

/** One thing wrong with an input. Texts never repeat the value of a secret. */
export interface Problem {
  /** Where: empty for the input as a whole. */
  readonly path: PropertyPath;
  /** What was expected and what was found, in one sentence. */
  readonly reason: string;
}

/**
 * Renders a path the way Pulumi prints property paths.
 *
 * @example formatPath(["realServers", 0, "weight"]) // "realServers[0].weight"
 * @example formatPath(["headers", "a.b"]) // 'headers["a.b"]'
 */
export function formatPath(path: PropertyPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    if (!/^[\w-]+$/.test(part)) return `${text}[${JSON.stringify(part)}]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");
}
