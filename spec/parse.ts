import * as z from "zod";
import type { Problem, PropertyPath } from "./problem";

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
  const value = parseAt(schema, input, [], { isUnknown, problems });
  return { value: value as z.output<S>, problems };
}

interface Context {
  readonly isUnknown: IsUnknown;
  readonly problems: Problem[];
}

function parseAt(schema: z.core.$ZodType, input: unknown, path: PropertyPath, context: Context): unknown {
  if (context.isUnknown(input)) return input;
  if (schema instanceof z.ZodDefault && input !== undefined) {
    return parseAt(schema.def.innerType, input, path, context);
  }
  if (schema instanceof z.ZodOptional) {
    return input === undefined ? undefined : parseAt(schema.def.innerType, input, path, context);
  }
  if (schema instanceof z.ZodDiscriminatedUnion && isRecord(input)) {
    const discriminator = input[schema.def.discriminator];
    if (context.isUnknown(discriminator)) return input;
    const variant = schema.def.options.find((option) =>
      accepts(option, schema.def.discriminator, discriminator),
    );
    if (variant) return parseAt(variant, input, path, context);
    context.problems.push({
      path: [...path, schema.def.discriminator],
      reason: reasonOf(schema, input, discriminator),
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
  if (schema instanceof z.ZodObject && isRecord(input)) return parseObject(schema, input, path, context);
  return checkWhole(schema, input, path, context);
}

/** The rules of a list as a whole (its length); its elements have been checked one by one. */
function checkLength(schema: z.ZodArray, input: unknown[], path: PropertyPath, context: Context): void {
  const issues = z.safeParse(schema, input).error?.issues ?? [];
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
  for (const [key, field] of Object.entries(schema.shape)) {
    const parsed = parseAt(field, input[key], [...path, key], context);
    if (parsed !== undefined) value[key] = parsed;
  }
  for (const key of Object.keys(input)) {
    if (Object.hasOwn(schema.shape, key)) continue;
    const known = Object.keys(schema.shape).join(", ");
    context.problems.push({ path: [...path, key], reason: `no such property; expected ${known}` });
  }
  return value;
}

function accepts(option: z.core.$ZodType, discriminator: string, value: unknown): boolean {
  const field = option instanceof z.ZodObject ? option.shape[discriminator] : undefined;
  return field instanceof z.ZodType && field.safeParse(value).success;
}

function checkWhole(schema: z.core.$ZodType, input: unknown, path: PropertyPath, context: Context): unknown {
  const result = z.safeParse(schema, input);
  if (result.success) return result.data;
  const reason = reasonOf(schema, input, input, result.error.issues[0]?.message);
  context.problems.push({ path, reason });
  return input;
}

function reasonOf(schema: z.core.$ZodType, input: unknown, found: unknown, message?: string): string {
  const expected = message ?? z.safeParse(schema, input).error?.issues[0]?.message ?? "not valid";
  if (found === undefined) return `${expected}, found nothing`;
  if (expected.includes("found") || isSecret(schema)) return expected;
  return `${expected}, found ${show(found)}`;
}

function isSecret(schema: z.core.$ZodType): boolean {
  return schema instanceof z.ZodType && schema.meta()?.secret === true;
}

/** A value as it stands in an error: short, on one line; objects and lists by kind alone, they may hold secrets. */
function show(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object" && value !== null) return "an object";
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
