import * as z from "zod";

/** What a schema says of one property, in the words of JSON Schema. */
export interface Value {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Value;
  readonly properties?: Readonly<Record<string, Value>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Value | boolean;
  readonly oneOf?: readonly Value[];
  readonly anyOf?: readonly Value[];
  readonly secret?: boolean;
  readonly examples?: readonly Readonly<Record<string, unknown>>[];
}

/** A schema as it takes input: before defaults are filled in and spellings are made one. */
export function inputOf(schema: z.ZodType): Value {
  return z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Value;
}

/** The part of a schema at a path of properties. `[]` is an element of a list, `=http` the variant whose type is http. */
export function valueAt(root: Value, path: readonly string[]): Value {
  const [first, ...rest] = path;
  if (first === undefined) return root;
  const isVariant = (one: Value) => one.properties?.type?.const === first.slice(1);
  const next =
    first === "[]"
      ? root.items
      : first.startsWith("=")
        ? root.oneOf?.find(isVariant)
        : root.properties?.[first];
  if (!next)
    throw new Error(
      `expected ${first} in the schema, found ${Object.keys(root.properties ?? root).join(", ")}`,
    );
  return valueAt(next, rest);
}

/** A value's type as one reads it: "whole number, 1 to 65535". Undefined for what has parts of its own. */
export function describeType(value: Value): string | undefined {
  const variants = value.anyOf ?? value.oneOf;
  if (variants) return joined(variants.map(describeType));
  if (value.const !== undefined) return literal(value.const);
  if (value.enum) return joined(value.enum.map(literal));
  if (Array.isArray(value.type)) return joined(value.type.map((type: string) => WORDS[type]));
  if (value.type === "array") return listOf(value.items);
  if (value.type === "object") return recordOf(value);
  const word = WORDS[String(value.type)];
  return word && `${word}${range(value)}${value.secret ? ", secret" : ""}`;
}

const WORDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "number",
  integer: "whole number",
  boolean: "true or false",
};

/** A value as it stands in a program. */
export function literal(value: unknown): string {
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

function listOf(items: Value | undefined): string | undefined {
  const one = items && describeType(items);
  return one && `list of ${one}`;
}

function recordOf({ properties, additionalProperties: of }: Value): string | undefined {
  if (properties || typeof of !== "object") return undefined;
  return describeType(of)?.replace(/^text/, "texts by name");
}

function range({ type, minimum, maximum }: Value): string {
  return type === "integer" && minimum !== undefined && maximum !== undefined
    ? `, ${minimum} to ${maximum}`
    : "";
}

function joined(words: readonly (string | undefined)[]): string | undefined {
  const known = words.filter((word) => word !== undefined);
  if (known.length < words.length) return undefined;
  const last = known.at(-1) ?? "";
  return known.length < 2 ? last : `${known.slice(0, -1).join(", ")} or ${last}`;
}
