import * as fc from "fast-check";
import { isRecord } from "../../spec";

/** A JSON Schema. */
export type Schema = Readonly<Record<string, unknown>>;

/** Few, so that requests meet each other's resources. */
const ADDRESSES = ["10.0.0.1", "10.0.0.2", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"];
const PORTS = [80, 443];

/**
 * Values that a schema allows, as far as generators and tools know schemas; what a schema cannot say (rules between fields) is
 * not kept. Covers the keywords that the API's document has, and throws where it meets another type.
 *
 * @param resolve what stands behind a `$ref`
 */
export function arbitraryOf(schema: Schema, resolve: (ref: string) => Schema): fc.Arbitrary<unknown> {
  const within = (one: unknown) => arbitraryOf(isRecord(one) ? one : {}, resolve);
  if (typeof schema.$ref === "string") return within(resolve(schema.$ref));
  if ("const" in schema) return fc.constant(schema.const);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]));
  if (isAddress(schema)) return fc.constantFrom(...ADDRESSES);
  const variants = schema.oneOf ?? schema.anyOf;
  if (Array.isArray(variants)) return fc.oneof(...variants.map(within));
  if (Array.isArray(schema.type)) return fc.oneof(...schema.type.map((type) => within({ ...schema, type })));
  switch (schema.type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
    case "number":
      return integers(schema);
    case "string":
      return strings(schema);
    case "array":
      return fc.array(within(schema.items), { minLength: Number(schema.minItems ?? 0), maxLength: 3 });
    case "object":
      return objects(schema, within);
    case undefined:
      return fc.jsonValue({ maxDepth: 2 });
    default:
      throw new Error(`expected a type that this generator knows, found ${JSON.stringify(schema.type)}`);
  }
}

function isAddress({ anyOf }: Schema): boolean {
  return Array.isArray(anyOf) && anyOf.some((one) => isRecord(one) && one.format === "ipv4");
}

function integers({ minimum = -10, maximum = 100_000 }: Schema): fc.Arbitrary<number> {
  const [min, max] = [Number(minimum), Number(maximum)];
  const usual = PORTS.filter((one) => min <= one && one <= max);
  const all = fc.integer({ min, max });
  return usual.length === 0 ? all : fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...usual) }, all);
}

function strings({ pattern, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<string> {
  if (typeof pattern === "string") return fc.stringMatching(new RegExp(pattern));
  return fc.string({ minLength: Number(minLength), maxLength: Math.min(Number(maxLength), 40) });
}

function objects(schema: Schema, within: (one: unknown) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const properties = isRecord(schema.properties) ? schema.properties : {};
  const sent = Object.entries(properties).filter(([, one]) => !isRecord(one) || one.readOnly !== true);
  const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
  const fields = Object.fromEntries(sent.map(([key, one]) => [key, within(one)]));
  const known = fc.record(fields, { requiredKeys: required.filter((key) => key in fields) });
  if (!isRecord(schema.additionalProperties)) return known;
  const names = isRecord(schema.propertyNames) ? within(schema.propertyNames) : fc.string();
  return fc.dictionary(names.map(String), within(schema.additionalProperties), { maxKeys: 3 });
}
