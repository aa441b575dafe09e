import * as z from "zod";

interface Described {
  readonly type?: string;
  readonly oneOf?: readonly Described[];
  readonly properties?: Readonly<Record<string, Described>>;
}

/**
 * The properties of a schema that are text, by their paths, whichever variant has them.
 *
 * @example textProperties(healthCheck) // "type", "path", "tls.serverName", ...
 */
export function textProperties(schema: z.ZodType): ReadonlySet<string> {
  return new Set(textsIn(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Described));
}

function textsIn({ oneOf = [], properties = {} }: Described): string[] {
  const own = Object.entries(properties).flatMap(([name, value]) =>
    value.type === "string" ? [name] : textsIn(value).map((inner) => `${name}.${inner}`),
  );
  return [...own, ...oneOf.flatMap(textsIn)];
}
