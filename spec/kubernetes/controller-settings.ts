import * as z from "zod";
import { port, wholeNumber } from "../fields";
import { type IsUnknown, parse } from "../parse";
import type { Problem } from "../problem";
import { labelName, objectName } from "./names";
import { parseRanges } from "./pool";

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
