import * as z from "zod";

/** What is asked of the measuring program. */
export const order = z.object({
  rounds: z.int().min(1),
  /** How many die one after the other, each of a Service of its own; and how many at once, all of one Service. */
  servers: z.int().min(1),
  /** For memory and processor: so many Services with 20 addresses each. */
  services: z.int().min(1),
  /** How long the processor's work is measured. */
  seconds: z.int().min(1),
});

/** One round of one side. */
const round = z.object({
  /** Of each server that died: seconds until a watch of the API server told that it is not ready. */
  outS: z.array(z.number()),
  /** Writes for all servers of one Service that died at once. */
  writes: z.int(),
});

/** What a controller takes that checks all of these Services, each server every 5 s. */
const many = z.object({
  /** Resident. */
  memoryMb: z.number(),
  /** Processor time, of those `seconds`. */
  cpuS: z.number(),
});

/** What the measuring program says. */
export const figures = z.object({
  ours: z.array(round),
  peer: z.array(round),
  many,
});

export type Order = z.output<typeof order>;
export type Round = z.output<typeof round>;
export type Many = z.output<typeof many>;
export type Figures = z.output<typeof figures>;
