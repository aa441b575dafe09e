import * as z from "zod";

/** A token of RFC 9110, 5.6.2. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** What the checker itself must say, or what would make the server wait for a body that never comes. */
const TAKEN = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** A text that is no name is not shown: whole lines (`Authorization: ...`) are written there by mistake. */
const name = z
  .string()
  .regex(NAME, {
    error: "expected the name of a header field (letters, digits and hyphens), found another text as a key",
  })
  .refine((text) => !TAKEN.has(text.toLowerCase()), { error: ({ input }) => takenFault(String(input)) });

const VALUE_ERROR =
  "expected the value of a header field as text: printable ASCII on one line, no space at either end";

/** Printable ASCII with spaces and tabs inside. The bytes above are obsolete in RFC 9110, 5.5: nobody says what they mean. */
const value = z
  .string({ error: VALUE_ERROR })
  .regex(/^(?:[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?$/, { error: VALUE_ERROR })
  .meta({ secret: true });

/**
 * Schema of the header fields of a request, by name. Values are secret. Names keep the spelling that they were given:
 * Pulumi marks a value as secret by its path, and loses it when the path changes.
 */
export const headerFields = z.record(name, value).check(
  z.refine<Record<string, string>>((fields) => twin(fields) === undefined, {
    error: ({ input }) =>
      `expected each header field once, found ${twin(input as Record<string, string>)} in two spellings`,
  }),
);

function takenFault(text: string): string {
  if (text.toLowerCase() === "host") return "expected other header fields, found Host: use the property host";
  return `expected other header fields, found ${text}: the check itself says what is in it`;
}

/** A name that stands there twice, in another case. */
function twin(fields: Record<string, string>): string | undefined {
  const names = Object.keys(fields).map((text) => text.toLowerCase());
  return names.find((text, index) => names.indexOf(text) !== index);
}
