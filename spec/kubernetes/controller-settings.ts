import * as z from "zod";
import { port, wholeNumber } from "../fields";
import { type IsUnknown, parse } from "../parse";
import type { Problem } from "../problem";
import { labelName, objectName } from "./names";
import { parseRanges } from "./pool";

const EXPECTED_URL = "expected https://HOST:PORT";

/** Where a director serves its API. */
const directorUrl = z
  .string({ error: EXPECTED_URL })
  .refine((text) => URL.canParse(text) && new URL(text).protocol === "https:" && isBare(new URL(text)), {
    error: ({ input }) => `${EXPECTED_URL}, found ${JSON.stringify(input)}`,
  });

function isBare({ pathname, search, hash, username, password }: URL): boolean {
  return pathname === "/" && `${search}${hash}${username}${password}` === "";
}

/** Schema of which directors serve Services of the class heye.io/ipvs. */
const directors = z.strictObject({
  urls: z
    .array(directorUrl, { error: "expected a list of URLs" })
    .min(1, { error: "expected at least one URL" })
    .refine((all) => new Set(all.map((one) => new URL(one).host)).size === all.length, {
      error: "expected each director once",
      when: ({ value }) =>
        Array.isArray(value) && value.every((one) => typeof one === "string" && URL.canParse(one)),
    }),
  secret: objectName.optional(),
});

/** Schema of what a user says of the controller. */
export const controllerSettings = z.strictObject({
  image: z
    .string({ error: "expected the name of an image" })
    .regex(/^\S+$/, { error: "expected the name of an image" }),
  namespace: labelName.optional(),
  watchNamespace: labelName.optional(),
  createNamespace: z.boolean({ error: "expected true or false" }).default(true),
  replicas: wholeNumber(1, 100).default(2),
  port: port.default(9440),
  directors: directors.optional(),
  imagePullSecrets: z.array(objectName, { error: "expected a list of names" }).optional(),
});

/** Everything wrong with what a program says of the controller. */
export function controllerProblems(input: unknown, isUnknown: IsUnknown = () => false): readonly Problem[] {
  return parse(controllerSettings, input, isUnknown).problems;
}

/** Schema of a pool of addresses as a program has it. */
export const poolSettings = z.strictObject({
  name: objectName.optional(),
  addresses: z.array(z.string({ error: "expected text" }), { error: "expected a list of addresses" }),
  autoAssign: z.boolean({ error: "expected true or false" }).default(true),
});

/** Everything wrong with a pool of addresses. */
export function poolProblems(input: unknown, isUnknown: IsUnknown = () => false): Problem[] {
  const { value, problems } = parse(poolSettings, input, isUnknown);
  const { addresses } = value;
  const texts =
    Array.isArray(addresses) && addresses.every((one) => typeof one === "string" && !isUnknown(one));
  return [...problems, ...(texts ? parseRanges(addresses).problems : [])];
}
