import * as z from "zod";
import type { Problem, PropertyPath } from "./problem";
import { isRecord } from "./record";

/** What came out of {@link parse}: the normal form as far as it could be made, and everything wrong with it. */
export interface Parsed<T> {
  /** Trustworthy only when `problems` is empty; values not known yet are left where they stood. */
  readonly value: T;
  readonly problems: readonly Problem[];
}

/** Tells values that are not known yet (Pulumi's unknowns, in a preview) from plain ones. */
export type IsUnknown = (value: unknown) => boolean;

/**
 * Checks plain data against a schema and brings it into normal form, field by field: one bad or unknown field
 * hides no other. Fields not known yet pass as they are.
 *
 * @example parse(realServer, { address: "10.0.0.1", weight: -1 }).problems // [{ path: ["weight"], reason: ... }]
 */
export function parse<S extends z.ZodType>(
  schema: S,
  input: unknown,
  isUnknown: IsUnknown = () => false,
): Parsed<z.output<S>> {
  const problems: Problem[] = [];
  const value = parseAt(schema, input, [], { isUnknown, problems, unknowns: 0 });
  return { value: value as z.output<S>, problems };
}

interface Context {
  readonly isUnknown: IsUnknown;
  readonly problems: Problem[];
  /** Values not known yet that were met so far. */
  unknowns: number;
}

/** Says afterwards whether everything met since was known and good: rules over the whole hold only then. */
function watch(context: Context): () => boolean {
  const { unknowns } = context;
  const problems = context.problems.length;
  return () => context.unknowns === unknowns && context.problems.length === problems;
}

function parseAt(schema: z.core.$ZodType, input: unknown, path: PropertyPath, context: Context): unknown {
  if (context.isUnknown(input)) {
    context.unknowns++;
    return input;
  }
  if (schema instanceof z.ZodDefault && input !== undefined) {
    return parseAt(schema.def.innerType, input, path, context);
  }
  if (schema instanceof z.ZodOptional) {
    return input === undefined ? undefined : parseAt(schema.def.innerType, input, path, context);
  }
  if (schema instanceof z.ZodDiscriminatedUnion && isRecord(input)) {
    const discriminator = input[schema.def.discriminator];
    if (context.isUnknown(discriminator)) {
      context.unknowns++;
      return input;
    }
    const variant = schema.def.options.find((option) =>
      accepts(option, schema.def.discriminator, discriminator),
    );
    if (variant) return parseAt(variant, input, path, context);
    const message = tryParse(schema, input).error?.issues[0]?.message;
    context.problems.push({
      path: [...path, schema.def.discriminator],
      reason: reasonOf(message, show(discriminator)),
    });
    return input;
  }
  if (schema instanceof z.ZodArray && Array.isArray(input)) {
    const elements = input.map((element, index) =>
      parseAt(schema.def.element, element, [...path, index], context),
    );
    checkLength(schema, input, path, context);
    return elements;
  }
  if (schema instanceof z.ZodPipe && schema.def.in instanceof z.ZodArray && Array.isArray(input)) {
    const isSettled = watch(context);
    const elements = parseAt(schema.def.in, input, path, context);
    return isSettled() ? checkWhole(schema, elements, path, context) : elements;
  }
  if (schema instanceof z.ZodRecord && isRecord(input)) return parseRecord(schema, input, path, context);
  if (schema instanceof z.ZodObject && isRecord(input)) return parseObject(schema, input, path, context);
  return checkWhole(schema, input, path, context);
}

/** The rules of a list as a whole (its length); its elements have been checked one by one. */
function checkLength(schema: z.ZodArray, input: unknown[], path: PropertyPath, context: Context): void {
  const issues = tryParse(schema, input).error?.issues ?? [];
  const own = issues.filter((issue) => issue.path.length === 0);
  context.problems.push(...own.map(({ message }) => ({ path, reason: `${message}, found ${input.length}` })));
}

function parseObject(
  schema: z.ZodObject,
  input: Record<string, unknown>,
  path: PropertyPath,
  context: Context,
): unknown {
  const value: Record<string, unknown> = {};
  const isSettled = watch(context);
  for (const [key, field] of Object.entries(schema.shape)) {
    const parsed = parseAt(field, input[key], [...path, key], context);
    if (parsed !== undefined) value[key] = parsed;
  }
  for (const key of Object.keys(input)) {
    if (Object.hasOwn(schema.shape, key)) continue;
    const known = Object.keys(schema.shape).join(", ") || "none";
    context.problems.push({ path: [...path, key], reason: `no such property; expected ${known}` });
  }
  if (isSettled() && schema.def.checks?.length) checkFieldsTogether(schema, value, path, context);
  return value;
}

/** A key that is refused may be anything, a secret too: what is wrong with it stands at the record's own path. */
function parseRecord(
  schema: z.ZodRecord,
  input: Record<string, unknown>,
  path: PropertyPath,
  context: Context,
): unknown {
  const isSettled = watch(context);
  const entries = Object.entries(input).map(([key, field]) => {
    const refused = tryParse(schema.def.keyType, key).error?.issues[0]?.message;
    if (refused === undefined) return [key, parseAt(schema.def.valueType, field, [...path, key], context)];
    // A name that is no good may be a secret in the wrong place, where the values are secrets.
    const shown = isSecret(schema.def.valueType) ? path : [...path, key];
    context.problems.push({ path: shown, reason: refused });
    return [key, field];
  });
  const value: unknown = Object.fromEntries(entries);
  if (isSettled() && schema.def.checks?.length) checkFieldsTogether(schema, value, path, context);
  return value;
}

/** The rules between an object's fields, each of which has been found good by itself. */
function checkFieldsTogether(
  schema: z.ZodObject | z.ZodRecord,
  value: unknown,
  path: PropertyPath,
  context: Context,
): void {
  const issues = tryParse(schema, value).error?.issues ?? [];
  for (const issue of issues) {
    const inside = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
    context.problems.push({ path: [...path, ...inside], reason: issue.message });
  }
}

function accepts(option: z.core.$ZodType, discriminator: string, value: unknown): boolean {
  const field = option instanceof z.ZodObject ? option.shape[discriminator] : undefined;
  return field instanceof z.ZodType && field.safeParse(value).success;
}

function checkWhole(schema: z.core.$ZodType, input: unknown, path: PropertyPath, context: Context): unknown {
  const result = tryParse(schema, input);
  if (result.success) return result.data;
  context.problems.push({ path, reason: wholeReason(schema, input, result.error.issues[0]?.message) });
  return input;
}

/** Some checks of zod's look into what is not of their type at all, and fall over it. */
function tryParse(schema: z.core.$ZodType, input: unknown): z.ZodSafeParseResult<unknown> {
  try {
    return z.safeParse(schema, input);
  } catch {
    return { success: false, error: new z.ZodError([]) };
  }
}

/** Of what stands in place of an object or a list only the kind is told: it may be a secret in the wrong place. */
function wholeReason(schema: z.core.$ZodType, input: unknown, message: string | undefined): string {
  const isObject =
    schema instanceof z.ZodObject ||
    schema instanceof z.ZodRecord ||
    schema instanceof z.ZodDiscriminatedUnion;
  if (isObject) {
    return `expected an object, found ${kindOf(input)}`;
  }
  const list = schema instanceof z.ZodPipe ? schema.def.in : schema;
  if (list instanceof z.ZodArray) return reasonOf(message, kindOf(input));
  if (isSecret(schema) && input !== undefined) return expectation(message);
  return reasonOf(message, show(input));
}

function reasonOf(message: string | undefined, found: string): string {
  const expected = expectation(message);
  return expected.includes("found") ? expected : `${expected}, found ${found}`;
}

/** What was expected, in our words where the schema had none of its own ("Invalid input: expected x, received y"). */
function expectation(message = "expected another value"): string {
  return message.replace(/^Invalid [a-z]+: /, "").replace(/, received .*$/s, "");
}

function isSecret(schema: z.core.$ZodType): boolean {
  return schema instanceof z.ZodType && schema.meta()?.secret === true;
}

const LONGEST_SHOWN = 80;

/** A value as it stands in an error. Long texts, and those of several lines, are keys more often than slips. */
function show(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value !== "string") return kindOf(value);
  const shown = value.length <= LONGEST_SHOWN && !value.includes("\n");
  return shown ? JSON.stringify(value) : `text of ${value.length} characters`;
}

/** What kind of thing a value is, without anything of the value itself. */
function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "string") return "text";
  return `${typeof value === "object" ? "an" : "a"} ${typeof value}`;
}
