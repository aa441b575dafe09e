import * as z from "zod";
import { isRecord } from "./record";

/**
 * A value in normal form without its secrets, for those who may read it and need not know them. What the schema does not
 * describe is left out as well: nobody knows whether it is secret.
 */
export function withoutSecrets(schema: z.core.$ZodType, value: unknown): unknown {
  if (isSecret(schema)) return undefined;
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional)
    return value === undefined ? undefined : withoutSecrets(schema.def.innerType, value);
  if (schema instanceof z.ZodPipe) return withoutSecrets(schema.def.in, value);
  if (schema instanceof z.ZodArray && Array.isArray(value))
    return value.map((one) => withoutSecrets(schema.def.element, one));
  if (schema instanceof z.ZodRecord && isRecord(value))
    return kept(Object.entries(value).map(([key, one]) => [key, withoutSecrets(schema.def.valueType, one)]));
  if (schema instanceof z.ZodDiscriminatedUnion && isRecord(value)) {
    const variant = schema.def.options.find((option) => isVariant(option, schema.def.discriminator, value));
    return variant && withoutSecrets(variant, value);
  }
  if (schema instanceof z.ZodObject && isRecord(value)) {
    const fields = Object.entries(schema.shape);
    return kept(fields.map(([key, field]) => [key, withoutSecrets(field, value[key])]));
  }
  return value;
}

function isVariant(option: z.core.$ZodType, discriminator: string, value: Record<string, unknown>): boolean {
  const field = option instanceof z.ZodObject ? option.shape[discriminator] : undefined;
  return field instanceof z.ZodType && field.safeParse(value[discriminator]).success;
}

function isSecret(schema: z.core.$ZodType): boolean {
  return schema instanceof z.ZodType && schema.meta()?.secret === true;
}

function kept(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
