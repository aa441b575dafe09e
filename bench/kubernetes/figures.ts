import * as z from "zod";

/** What is asked of the measuring program. */
export const order = z.object({
  rounds: z.int().min(1),
  /** How many die one after the other, each of a Service of its own; and how many at once, all of one Service. */
  servers: z.int().min(1),
  /** For the memory: so many Services with 20 addresses each. */
  services: z.int().min(1),
});

/** One round of one side. */
const round = z.object({
  /** Of each server that died: seconds until a watch of the API server told that it is not ready. */
  outS: z.array(z.number()),
  /** Writes for all servers of one Service that died at once. */
  writes: z.int(),
});

/** What the measuring program says. */
export const figures = z.object({
  ours: z.array(round),
  peer: z.array(round),
  /** Resident memory of a controller that checks `services` Services. */
  memoryMb: z.number(),
});

export type Order = z.output<typeof order>;
export type Round = z.output<typeof round>;
export type Figures = z.output<typeof figures>;
