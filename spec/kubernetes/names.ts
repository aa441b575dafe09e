import * as z from "zod";

/** Names of objects that become part of DNS names: RFC 1123 labels. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** Names of Services: RFC 1035 labels, which begin with a letter. */
const SERVICE = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** Most other names: labels with dots between them. */
const SUBDOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
/** Keys of labels and annotations, without their prefix; values of labels, which may be empty. */
const WORD = /^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;

function named(pattern: RegExp, error: string) {
  return z.string({ error }).refine((text) => pattern.test(text), { error });
}

/** A namespace, a port's name and the like. */
export const labelName = named(
  LABEL,
  "expected up to 63 lower-case letters, digits and -, with a letter or digit at both ends",
);

/** The name of a Service. */
export const serviceName = named(
  SERVICE,
  "expected up to 63 lower-case letters, digits and -, with a letter first and a letter or digit last",
);

/** The name of a Secret, a ConfigMap and most other objects. */
export const objectName = named(
  SUBDOMAIN,
  "expected up to 253 lower-case letters, digits, - and ., with a letter or digit at the ends of each part",
);

const KEY_ERROR =
  "expected keys of up to 63 letters, digits, -, _ and ., with a letter or digit at both ends, after a DNS name and / if any";

function isKey(text: string): boolean {
  const [name = "", prefix, ...more] = text.split("/").reverse();
  return more.length === 0 && WORD.test(name) && (prefix === undefined || SUBDOMAIN.test(prefix));
}

const key = z.string().refine(isKey, { error: KEY_ERROR });

const labelValue = z.string({ error: "expected text" }).refine((text) => text === "" || WORD.test(text), {
  error:
    "expected up to 63 letters, digits, -, _ and ., with a letter or digit at both ends, or an empty text",
});

/** What all objects have, as far as Kubernetes holds it to a form. */
export function metadata(name: z.ZodType = objectName) {
  return z.strictObject({
    name: name.optional(),
    namespace: labelName.optional(),
    labels: z.record(key, labelValue).optional(),
    annotations: z.record(key, z.string({ error: "expected text" })).optional(),
  });
}
