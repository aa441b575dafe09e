import * as z from "zod";
import type { Destination, Service, Table } from "../ipvs";

const threshold = z.int().min(0);
const destination: z.ZodType<Destination> = z.object({
  address: z.string().regex(/^[0-9a-f.:]+$/),
  port: z.int().min(0).max(65_535),
  method: z.enum(["nat", "dr", "tun"]),
  // What somebody else has put beside ours may have any weight that the kernel takes.
  weight: z
    .int()
    .min(0)
    .max(2 ** 31 - 1),
  extra: z.string().regex(/^[ -~]*$/),
  thresholds: z.object({ upper: threshold, lower: threshold }).optional(),
  lastWeight: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .optional(),
});
const service: z.ZodType<Service> = z.object({
  protocol: z.enum(["tcp", "udp", "sctp", "fwmark"]),
  address: z.string().regex(/^[0-9a-f.:]+( -6)?$/),
  port: z.int().min(0).max(65_535),
  scheduler: z.string().regex(/^[a-z]+$/),
  extra: z.string().regex(/^[ -~]*$/),
  destinations: z.array(destination),
});

/** A table as others write it. */
export const table: z.ZodType<Table> = z.array(service);
