import * as z from "zod";
import { FORWARDING_METHODS, PROTOCOLS } from "../spec";
import type { Owner, Registration } from "./registry";

/** Everywhere fields may stand that this version does not know: a newer one may have written the file. */
const member = z.looseObject({
  address: z.string(),
  port: z.number(),
  weight: z.number(),
  forwarding: z.enum(FORWARDING_METHODS),
  resource: z.string().optional(),
  held: z.literal(true).optional(),
  draining: z.literal(true).optional(),
  lastWeight: z.number().optional(),
});

const settings = {
  resource: z.string(),
  scheduler: z.string(),
  pool: z.enum(["inline", "separate"]),
  members: z.array(member),
};

const registration = z.union([
  z.looseObject({ ...settings, protocol: z.enum(PROTOCOLS), address: z.string(), port: z.number() }),
  z.looseObject({ ...settings, fwmark: z.number(), family: z.enum(["ipv4", "ipv6"]) }),
]);

const ownerLine = z.looseObject({ label: z.string() });

const registryOfFormat1 = z.looseObject({
  format: z.literal(1),
  owners: z.record(
    z.string(),
    z.looseObject({ label: z.string(), virtualServers: z.record(z.string(), registration) }),
  ),
});

/** Whether a value has everything in it that a registration has. */
export function isRegistration(value: unknown): value is Registration {
  return registration.safeParse(value).success;
}

/** Whether a value has everything in it that is written about an owner. */
export function isOwnerLine(value: unknown): value is Pick<Owner, "label"> {
  return ownerLine.safeParse(value).success;
}

/** Whether a value has everything in it that a registry of format 1 has. */
export function isRegistryOfFormat1(
  value: unknown,
): value is { readonly owners: Readonly<Record<string, Owner>> } {
  return registryOfFormat1.safeParse(value).success;
}
